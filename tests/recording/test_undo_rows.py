"""Going backwards through the values that were kept."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.errors import RecordError
from batchpatch.formats.result_line import encode
from batchpatch.formats.undo_line import UndoEntry, encode_undo
from batchpatch.model import Outcome, RowResult
from batchpatch.recording import undo_index as module
from batchpatch.recording.restorable import Restorable, restorable
from batchpatch.recording.undo_rows import UndoRow, rows_of, write_undo_input
from batchpatch.writes.registry import KINDS, USUAL

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
Change = dict[str, tuple[str | None, str]]


def entry(patch: int, who: str, **changes: tuple[str | None, str]) -> UndoEntry:
    """An entry: of each attribute what was there and what was written."""
    before = {name: change[0] for name, change in changes.items()}
    written = {name: change[1] for name, change in changes.items()}
    return UndoEntry("c", who, before, written, patch)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where `undo.jsonl` is."""
    return tmp_path / "undo.jsonl"


def write(path: Path, *entries: UndoEntry) -> Path:
    """Write these entries in this order."""
    path.write_bytes(b"".join(map(encode_undo, entries)))
    return path


def undo_rows(
    path: Path, *, results_path: Path | None = None, looked: bool = True
) -> Iterator[UndoRow]:
    """The rows of an undo of this file."""
    with module.open_index(path, results_path=results_path) as index:
        yield from rows_of(index, looked=looked)


def report(path: Path, *results: tuple[int, str, Outcome]) -> Path:
    """A run's results: number of the patch, participant, outcome."""
    lines = [
        RowResult(row, row, "rows.csv", outcome, "at", "c", who, ["x"], 202, patch=patch)
        for row, (patch, who, outcome) in enumerate(results, 1)
    ]
    path.write_bytes(b"".join(map(encode, lines)))
    return path


def test_the_last_participant_comes_first(path: Path) -> None:
    """What was done last is taken back first; one that was written twice counts by its last."""
    changes: list[tuple[int, str, Change]] = [
        (1, "a", {"x": ("0", "1")}),
        (2, "b", {"x": ("0", "2")}),
        (3, "c", {"x": ("0", "3")}),
        (4, "a", {"y": ("0", "4")}),
    ]
    write(path, *(entry(patch, who, **change) for patch, who, change in changes))
    assert [(row.participant_id, row.attributes, row.before) for row in undo_rows(path)] == [
        ("a", {"x": "0", "y": "0"}, {"x": "1", "y": "4"}),
        ("c", {"x": "0"}, {"x": "3"}),
        ("b", {"x": "0"}, {"x": "2"}),
    ]


def test_the_first_value_stands_for_ever(path: Path) -> None:
    """After a crash the resumed run finds its own value, and that is nothing to go back to."""
    write(path, entry(1, "a", x=("old", "new")), entry(9, "a", x=("new", "new")))
    (row,) = undo_rows(path)
    assert (row.attributes, row.before, row.or_before) == ({"x": "old"}, {"x": "new"}, {})


def test_absent_is_blanked_and_empty_is_not(path: Path) -> None:
    """The platform cannot delete an attribute, and the report has to say where that matters."""
    write(path, entry(1, "a", gone=(None, "1"), empty=("", "1"), blank=(None, "")))
    (row,) = undo_rows(path)
    assert row.attributes == {"gone": "", "empty": ""}
    assert row.blanked == ("gone",)


def test_what_would_change_nothing_is_left_out(path: Path) -> None:
    """Each row costs a request, also one that asks for nothing."""
    write(path, entry(1, "a", x=("1", "1"), y=("", "2")), entry(2, "b", x=("1", "1")))
    assert [(row.participant_id, row.attributes) for row in undo_rows(path)] == [("a", {"y": ""})]


def test_what_nobody_looked_at_is_never_blanked(path: Path) -> None:
    """A plan that somebody has added a name to says nothing of its value, and nor may the undo."""
    unknown = UndoEntry("c", "a", {"x": "0"}, {"x": "1", "added": "1"}, 1)
    write(path, unknown, entry(2, "a", added=("1", "2")))
    assert [row.attributes for row in undo_rows(path)] == [{"x": "0"}]


def test_one_participant_id_in_two_conversations_is_two(path: Path) -> None:
    """A row with the wrong conversation was rejected, and must not hide the one that was right."""
    right = entry(1, "a", x=("0", "1"))
    write(path, right, right._replace(conversation_id="other", patch=2))
    assert [row.conversation_id for row in undo_rows(path)] == ["other", "c"]


def test_a_last_patch_that_may_never_have_left_allows_for_both_values(path: Path) -> None:
    """Killed between the log and the PATCH, the run's last value there is the one before."""
    write(path, entry(1, "a", x=("0", "1")), entry(2, "a", x=("1", "2")))
    (row,) = undo_rows(path)
    assert (row.attributes, row.before, row.or_before) == ({"x": "0"}, {"x": "2"}, {"x": ("1",)})


def test_several_patches_that_never_left_leave_the_same_doubt(path: Path) -> None:
    """A run may be killed, resumed, and killed again at the same row."""
    lost = [entry(patch, "a", x=("1", str(patch))) for patch in (2, 3, 4)]
    write(path, entry(1, "a", x=("0", "1")), *lost)
    (row,) = undo_rows(path)
    assert (row.before, row.or_before) == ({"x": "4"}, {"x": ("1",)})


def test_a_plan_that_was_not_looked_at_narrows_nothing(path: Path) -> None:
    """Its entries tell what the plan expects, whatever has become of the PATCHes before."""
    chain = [entry(patch, "a", x=(str(patch - 1), str(patch))) for patch in (1, 2, 3)]
    write(path, *chain, entry(4, "b", x=("0", "1")), entry(5, "b", x=("0", "2")))
    found = {row.participant_id: row.or_before for row in undo_rows(path, looked=False)}
    assert found == {"a": {"x": ("2", "1")}, "b": {"x": ("1",)}}
    report(path.with_name("results.jsonl"), (2, "a", Outcome.UPDATED))
    rows = undo_rows(path, looked=False, results_path=path.with_name("results.jsonl"))
    assert {row.participant_id: row.or_before for row in rows}["a"] == {"x": ("2",)}


def test_a_read_that_was_too_early_proves_nothing(path: Path) -> None:
    """A 202 is applied later: the first value is there, and then the lost PATCH comes to light."""
    write(path, *(entry(patch, "a", x=("0", str(patch))) for patch in (1, 2, 3)))
    (row,) = undo_rows(path)
    assert row.or_before == {"x": ("2", "1")}


def test_a_foreign_value_is_not_allowed_for(path: Path) -> None:
    """Found before our last PATCH, it was put there by somebody else, and may be there still."""
    write(path, entry(1, "a", x=("0", "1")), entry(2, "a", x=("theirs", "2")))
    (row,) = undo_rows(path)
    assert (row.before, row.or_before) == ({"x": "2"}, {})


def test_a_last_patch_that_wrote_the_first_value_back_may_never_have_left(path: Path) -> None:
    """First and last are alike, but what is there may be what came in between."""
    write(path, entry(1, "a", x=("0", "1")), entry(2, "a", x=("1", "0")))
    (row,) = undo_rows(path)
    assert (row.attributes, row.before, row.or_before) == ({"x": "0"}, {"x": "0"}, {"x": ("1",)})


@pytest.mark.parametrize(
    ("outcome", "allowed"),
    [(Outcome.UPDATED, {}), (Outcome.REJECTED, {"x": ("1",)}), (Outcome.UNKNOWN, {"x": ("1",)})],
)
def test_a_reported_patch_leaves_no_doubt(
    outcome: Outcome, allowed: dict[str, tuple[str, ...]], path: Path
) -> None:
    """Once the last PATCH is known to have been accepted, an older value is somebody's doing."""
    write(path, entry(1, "a", x=("0", "1")), entry(2, "a", x=("1", "2")))
    first = (1, "a", Outcome.UPDATED)
    results = report(path.with_name("results.jsonl"), first, (2, "a", outcome))
    (row,) = undo_rows(path, results_path=results)
    assert row.or_before == allowed


def test_a_number_that_was_used_again_for_another_proves_nothing(path: Path) -> None:
    """A PATCH may be lost before it is reported, and the resumed run counts from the report."""
    lost, resumed = entry(2, "a", x=("1", "2")), entry(2, "b", x=("0", "1"))
    write(path, entry(1, "a", x=("0", "1")), lost, resumed)
    updated = (1, "a", Outcome.UPDATED), (2, "b", Outcome.UPDATED)
    results = report(path.with_name("results.jsonl"), *updated)
    assert [row.or_before for row in undo_rows(path, results_path=results)] == [{}, {"x": ("1",)}]


@pytest.mark.parametrize("tail", [b"{", b'{"conversation_id":"c"', b"\0" * 9000, b"\0\0\n{"])
def test_what_a_crash_left_of_the_end_is_ignored(tail: bytes, path: Path) -> None:
    """Its line was never synced, so its PATCH never went out."""
    write(path, entry(1, "a", x=("0", "1")))
    path.write_bytes(path.read_bytes() + tail)
    assert [row.participant_id for row in undo_rows(path)] == ["a"]


GOOD = encode_undo(entry(1, "a", x=("0", "1")))
FIELDS: dict[str, Any] = json.loads(GOOD)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"rubbish",
        b"\0" * 30,
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 100_000,
        GOOD[:-10],
        *(
            json.dumps({**FIELDS, **wrong}).encode()
            for wrong in (
                {"conversation_id": None},
                {"participant_id": 5},
                {"before": ["x"]},
                {"before": {"x": 1}},
                {"written": {"x": None}},
                {"written": {}},
                {"patch": "1"},
                {"patch": True},
                {"patch": 1 << 70},
            )
        ),
    ],
)
@pytest.mark.parametrize("after", [GOOD, b""])
def test_any_other_damage_is_one_sentence(line: bytes, after: bytes, path: Path) -> None:
    """To restore the rest and say nothing would leave somebody's values overwritten."""
    if b"\0" in line and not after:
        pytest.skip("zeros at the end are what a power loss leaves")
    path.write_bytes(GOOD + line + b"\n" + after)
    with pytest.raises(RecordError, match=r"undo\.jsonl is damaged: line 2 is not a whole entry"):
        list(undo_rows(path))


def test_a_file_that_is_not_there_is_one_sentence(path: Path) -> None:
    """Purged, or of a run that kept no values."""
    with pytest.raises(RecordError, match=r"undo\.jsonl cannot be read: No such file"):
        list(undo_rows(path))


def test_an_empty_file_has_no_rows(path: Path) -> None:
    """Killed before its first sync, a run has changed nothing."""
    path.touch()
    assert list(undo_rows(path)) == []


def test_a_full_temporary_directory_is_one_sentence(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index needs room where the user may not expect it."""
    monkeypatch.setattr(module, "_SCHEMA", "PRAGMA max_page_count = 5;" + module._SCHEMA)
    write(path, *(entry(patch, f"p{patch}", x=("0", "1")) for patch in range(1, 2000)))
    with pytest.raises(RecordError, match=r"sorted in the temporary directory .*SQLITE_TMPDIR"):
        list(undo_rows(path))


def test_a_file_that_shrinks_meanwhile_is_one_sentence(path: Path) -> None:
    """Values of half a line must not be restored."""
    write(path, *(entry(patch, f"p{patch}", x=("0", "1" * 9000)) for patch in range(1, 9)))
    rows = undo_rows(path)
    next(rows)
    os.truncate(path, 20_000)
    with pytest.raises(RecordError, match="has changed while it was read"):
        list(rows)


def test_the_undo_input_is_a_plan(path: Path) -> None:
    """The undo is a run like any other, so what it reads is what a run reads."""
    write(path, entry(1, "a", x=(None, "1"), y=("é", "2")), entry(2, "b", x=("0", "3")))
    out = path.with_name("undo-input.jsonl")
    assert write_undo_input(path, out, organisation="org", region="mypurecloud.de").lines == 2
    assert [json.loads(line) for line in out.read_bytes().splitlines()] == [
        {
            "conversationId": "c",
            "participantId": "b",
            "attributes": {"x": "0"},
            "before": {"x": "3"},
            "organisation": "org",
            "region": "mypurecloud.de",
        },
        {
            "conversationId": "c",
            "participantId": "a",
            "attributes": {"x": "", "y": "é"},
            "before": {"x": "1", "y": "2"},
            "organisation": "org",
            "region": "mypurecloud.de",
            "blanked": ["x"],
        },
    ]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_the_undo_input_is_whole_or_not_there(path: Path) -> None:
    """Half of it would be undone as if it were all."""
    path.write_bytes(GOOD + b"rubbish\n" + GOOD)
    with pytest.raises(RecordError, match=r"undo\.jsonl is damaged"):
        write_undo_input(path, path.with_name("input.jsonl"), organisation="o", region="r")
    assert [file.name for file in path.parent.iterdir()] == ["undo.jsonl"]


def test_the_same_file_gives_the_same_input(path: Path) -> None:
    """A resumed undo compares its input with what it began with."""
    write(path, *(entry(patch, f"p{patch % 50}", x=("0", str(patch))) for patch in range(200)))
    outs = [path.with_name(name) for name in ("one", "two")]
    for out in outs:
        write_undo_input(path, out, organisation="o", region="r")
    assert outs[0].read_bytes() == outs[1].read_bytes()


_MEASURED = """
import os, resource, stat, sys
from pathlib import Path
from batchpatch.recording.undo_index import open_index
from batchpatch.recording.undo_rows import rows_of

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10

def undo_rows(path):
    with open_index(path, results_path=None) as index:
        yield from rows_of(index, looked=True)

begin = peak()
rows = undo_rows(Path(sys.argv[1]))
next(rows)
links = {fd: f"/proc/self/fd/{fd}" for fd in range(3, 64)}
ours = [
    fd for fd, link in links.items()
    if os.path.islink(link) and os.readlink(link).startswith(sys.argv[2] + "/")
]
print([oct(stat.S_IMODE(os.fstat(fd).st_mode)) for fd in ours], os.listdir(sys.argv[2]))
print(1 + sum(1 for _ in rows), peak() - begin, os.listdir(sys.argv[2]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_file_and_the_index_is_nobodys(tmp_path: Path) -> None:
    """Millions of participants are undone like ten; whose they are is not left lying around."""
    path, temporary = tmp_path / "undo.jsonl", tmp_path / "tmp"
    temporary.mkdir()
    with path.open("wb") as file:
        for patch in range(200_000):
            who = f'"participant_id":"participant-{patch * 7919 % 150_000}"'
            file.write(GOOD.replace(b'"participant_id":"a"', who.encode()))
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(path), str(temporary)],
        cwd=ROOT,
        env={**os.environ, "SQLITE_TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = done.stdout.splitlines()
    assert first == "['0o600'] []"
    rows, grown_mb, left = second.split(" ", 2)
    assert (int(rows), left) == (150_000, "[]")
    assert int(grown_mb) < 30


def refused(path: Path, *results: tuple[int, str, Outcome, int, int]) -> Path:
    """A run's results: number of the patch, participant, outcome, status, attempts."""
    lines = [
        RowResult(row, row, "rows.csv", outcome, "at", "c", who, ["x"], status, None, None, None,
                  attempts, patch)
        for row, (patch, who, outcome, status, attempts) in enumerate(results, 1)
    ]  # fmt: skip
    path.write_bytes(b"".join(map(encode, lines)))
    return path


def is_restorable(path: Path, results: Path, write: str = USUAL.name) -> Restorable:
    return restorable(path, results, kind=KINDS[write], looked=True)


NO, YES = Outcome.REJECTED, Outcome.UPDATED
DONE = Restorable.NOTHING_CHANGED


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([], Restorable.SOME),
        ([(1, "a", NO, 404, 1)], DONE),
        ([(1, "a", NO, 404, 2)], Restorable.SOME),
        ([(1, "a", NO, 503, 1)], Restorable.SOME),
        ([(1, "a", Outcome.UNKNOWN, 500, 1)], Restorable.SOME),
        ([(1, "a", Outcome.NOT_STORED, 202, 1)], Restorable.SOME),
        ([(7, "b", NO, 404, 1)], Restorable.SOME),
    ],
    ids=["killed", "refused", "repeated", "gateway", "unknown", "not stored", "of another"],
)
def test_only_what_was_surely_refused_is_nothing_to_restore(
    path: Path,
    tmp_path: Path,
    results: list[tuple[int, str, Outcome, int, int]],
    expected: Restorable,
) -> None:
    """An entry is written before its PATCH leaves, so that it alone does not tell of a change;
    and yet where a kill took the line, it is all that there is.
    """
    write(path, entry(1, "a", x=("0", "1")))
    told = refused(tmp_path / "results.jsonl", *results)
    assert is_restorable(path, told) is expected
    assert list(undo_rows(path, results_path=told)) == [] or expected is Restorable.SOME


def test_a_merged_patch_sent_row_by_row_is_nothing_where_none_of_its_rows_was_taken(
    path: Path, tmp_path: Path
) -> None:
    """It has an entry as a whole and one for each row; and one row that was taken needs them."""
    write(
        path,
        entry(1, "a", x=("0", "1"), y=("0", "1")),
        entry(2, "a", x=("0", "1"))._replace(refused=1),
        entry(3, "a", y=("0", "1"))._replace(refused=1),
    )
    told = tmp_path / "results.jsonl"
    refused(told, (2, "a", NO, 400, 1), (3, "a", NO, 400, 1))
    assert is_restorable(path, told) is DONE
    refused(told, (2, "a", NO, 400, 1), (3, "a", YES, 202, 1))
    assert is_restorable(path, told) is Restorable.SOME


@pytest.mark.parametrize("status", [404, 400, 413])
def test_the_entry_of_a_killed_process_outlives_the_refusal_of_its_number(
    status: int, path: Path, tmp_path: Path
) -> None:
    """Where a resumed run gave the number again, the first PATCH may have taken effect."""
    write(path, entry(1, "a", x=("0", "1")), entry(1, "a", x=("1", "2")))
    told = refused(tmp_path / "results.jsonl", (1, "a", NO, status, 1))
    assert is_restorable(path, told) is Restorable.SOME
    (row,) = undo_rows(path, results_path=told)
    assert (row.attributes, row.before) == ({"x": "0"}, {"x": "1"})


def test_a_code_where_there_was_none_is_not_taken_back(path: Path, tmp_path: Path) -> None:
    """The platform cannot take a wrap-up away; with another that it can restore, it is some."""
    told = tmp_path / "results.jsonl"
    write(path, entry(1, "a", code=(None, "x")))
    assert is_restorable(path, told, "wrapup") is Restorable.NOT_TAKEN_BACK
    write(path, entry(1, "a", code=(None, "x")), entry(2, "a", code=("x", "y")))
    assert is_restorable(path, told, "wrapup") is Restorable.NOT_TAKEN_BACK
    write(path, entry(1, "a", code=(None, "x")), entry(2, "b", code=("x", "y")))
    assert is_restorable(path, told, "wrapup") is Restorable.SOME


def test_what_was_there_already_is_nothing_to_restore(path: Path, tmp_path: Path) -> None:
    """The same value was written again."""
    write(path, entry(1, "a", x=("1", "1")))
    assert is_restorable(path, tmp_path / "results.jsonl") is DONE


def test_what_was_written_and_written_back_is_nothing_to_restore(
    path: Path, tmp_path: Path
) -> None:
    """As where rows of one participant are sent once more: the last value is there already."""
    write(
        path,
        entry(1, "a", x=("2", "1")),
        entry(2, "b", x=("2", "2")),
        entry(3, "a", x=("1", "2")),
    )
    told = report(tmp_path / "results.jsonl", (1, "a", YES), (2, "b", YES), (3, "a", YES))
    assert is_restorable(path, told) is DONE
    write(path, entry(1, "a", x=("2", "1")), entry(2, "b", x=("1", "2")))
    assert is_restorable(path, told) is Restorable.SOME


def test_a_merged_patch_has_no_line_where_its_rows_were_sent_alone(
    path: Path, tmp_path: Path
) -> None:
    """Its entry names no row's PATCH; what tells that it was refused is the entry of its rows."""
    whole = entry(1, "a", x=("0", "1"), y=("0", "1"))
    parts = [entry(2, "a", x=("0", "1")), entry(3, "a", y=("0", "1"))]
    told = tmp_path / "results.jsonl"
    refused(told, (2, "a", NO, 400, 1), (3, "a", NO, 400, 1))
    write(path, whole, *(part._replace(refused=1) for part in parts))
    assert is_restorable(path, told) is DONE
    write(path, whole, *parts)
    assert is_restorable(path, told) is Restorable.SOME
    refused(told, (2, "a", YES, 202, 1), (3, "a", NO, 400, 1))
    write(path, whole, *(part._replace(refused=1) for part in parts))
    (row,) = undo_rows(path, results_path=told)
    assert (row.attributes, row.before, row.or_before) == ({"x": "0"}, {"x": "1"}, {})
