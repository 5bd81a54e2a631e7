"""The lines of a plan, and the file that they go to."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.errors import RecordError, SettingsError
from batchpatch.formats.plan_line import PlanLine, encode_plan_line
from batchpatch.recording import append_log
from batchpatch.recording.plan_file import BUFFER_BYTES, PlanFile

LINE = PlanLine("c", "p", {"x": "1"}, {"x": None}, "org", "attributes")


def full(line: PlanLine = LINE, **fields: Any) -> PlanLine:
    """A line with more to say."""
    return line._replace(**fields)


def test_a_line_has_what_a_run_needs_to_check_it() -> None:
    """Grep takes lines out of their file, so each says for which organisation it was made."""
    line = full(
        region="mypurecloud.de",
        flags=("ended", "platform_name"),
        blanked=["x"],
        before={"x": "2", "y": None, "z": ""},
        or_before={"x": ["3", "4"]},
    )
    fields = json.loads(encode_plan_line(line))
    assert fields == {
        "conversationId": "c",
        "participantId": "p",
        "attributes": {"x": "1"},
        "before": {"x": "2", "y": None, "z": ""},
        "organisation": "org",
        "region": "mypurecloud.de",
        "flags": ["ended", "platform_name"],
        "blanked": ["x"],
        "orBefore": {"x": ["3", "4"]},
    }
    assert list(fields)[:3] == ["conversationId", "participantId", "attributes"]


def test_what_is_empty_is_left_out_but_not_the_marks_of_a_plan() -> None:
    """A million lines should not repeat what they do not say; these two tell a plan from a CSV."""
    fields = json.loads(encode_plan_line(full(before={}, organisation=None)))
    assert fields == {
        "conversationId": "c",
        "participantId": "p",
        "attributes": {"x": "1"},
        "before": {},
        "organisation": None,
    }


texts = st.text() | st.sampled_from(["\ud800", "\0", "\u2028", "a\nb"])


@given(attributes=st.dictionaries(texts, texts), before=st.dictionaries(texts, st.none() | texts))
def test_every_value_is_kept_on_one_line(
    attributes: dict[str, str], before: dict[str, str | None]
) -> None:
    """`split -l` must never cut a value in two, and a value must never come out another."""
    line = encode_plan_line(full(attributes=attributes, before=before))
    assert (line.count(b"\n"), line[-1:]) == (1, b"\n")
    fields = json.loads(line)
    assert (fields["attributes"], fields["before"]) == (attributes, before)


def test_a_plan_is_private_and_in_order(tmp_path: Path) -> None:
    """It holds people's values, and the order of its lines is the order of the changes."""
    path = tmp_path / "plan.jsonl"
    lines = [full(participant_id=f"p{number}") for number in range(5000)]
    previous = os.umask(0)
    try:
        with PlanFile(path) as file:
            for line in lines:
                file.add(line)
            assert path.stat().st_size >= BUFFER_BYTES  # a block is out, the rest waits
    finally:
        os.umask(previous)
    assert path.read_bytes() == b"".join(map(encode_plan_line, lines))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_flushed_can_be_read(tmp_path: Path) -> None:
    """Planning takes hours, and people look at what there is."""
    path = tmp_path / "plan.jsonl"
    with PlanFile(path) as file:
        file.add(LINE)
        assert path.read_bytes() == b""
        file.flush()
        assert path.read_bytes() == encode_plan_line(LINE)


def test_a_plan_is_synced_at_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has cost a request for each conversation."""
    synced: list[bytes] = []
    path = tmp_path / "plan.jsonl"
    monkeypatch.setattr(append_log, "_sync_data", lambda _: synced.append(path.read_bytes()))
    with PlanFile(path) as file:
        file.add(LINE)
    assert synced == [encode_plan_line(LINE)]


def test_a_plan_that_breaks_off_keeps_what_it_found(tmp_path: Path) -> None:
    """An outage in the middle must not cost what was found by then."""
    path = tmp_path / "plan.jsonl"

    def plan() -> None:
        with PlanFile(path) as file:
            file.add(LINE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plan()
    assert path.read_bytes() == encode_plan_line(LINE)


def test_a_file_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    """A plan that was reviewed yesterday must not be replaced by that of today, nor changed."""
    path = tmp_path / "plan.jsonl"
    path.write_bytes(b"mine\n")
    path.chmod(0o644)
    with pytest.raises(SettingsError) as caught:
        PlanFile(path)
    assert str(caught.value) == f"{path} exists: choose another --out"
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"mine\n", 0o644)


def test_an_empty_file_may_be_filled(tmp_path: Path) -> None:
    """A plan that was refused before its first line leaves one, and `mktemp` makes one."""
    path = tmp_path / "plan.jsonl"
    path.touch()
    with PlanFile(path) as file:
        file.add(LINE)
    assert path.read_bytes() == encode_plan_line(LINE)


def test_a_file_that_is_filled_at_the_last_moment_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two plans started at once with one name must not end up in one file."""
    path = tmp_path / "plan.jsonl"
    monkeypatch.setattr("batchpatch.recording.plan_file.refuse_content", lambda _: None)
    path.write_bytes(b"theirs\n")
    with pytest.raises(SettingsError, match="exists"):
        PlanFile(path)
    assert path.read_bytes() == b"theirs\n"


def test_a_directory_is_refused(tmp_path: Path) -> None:
    """`--out` of a run is a directory, so people will try."""
    with pytest.raises(SettingsError, match="is a directory: choose another --out"):
        PlanFile(tmp_path)


def test_a_directory_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """A typo in a path is no traceback."""
    with pytest.raises(SettingsError, match=r"plan\.jsonl cannot be written: No such file"):
        PlanFile(tmp_path / "gone" / "plan.jsonl")


def test_a_disk_that_fills_up_leaves_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a line would be an invalid row of the run that reads the plan."""
    path = tmp_path / "plan.jsonl"
    room = [len(encode_plan_line(LINE)) + 20]
    write = os.write

    def filling(descriptor: int, data: Any) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = write(descriptor, data[: room[0]])
        room[0] -= taken
        return taken

    monkeypatch.setattr(os, "write", filling)
    file = PlanFile(path)
    file.add(LINE)
    file.add(LINE)
    for call in (file.flush, file.flush):
        with pytest.raises(RecordError, match=r"plan\.jsonl cannot be written: disk full"):
            call()
    file.close()
    assert path.read_bytes() == encode_plan_line(LINE)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
def test_the_kernels_own_disk_full_is_one_sentence(tmp_path: Path) -> None:
    """The injected error above is only as good as the real one that it stands for."""
    path = tmp_path / "plan.jsonl"
    path.symlink_to("/dev/full")
    with pytest.raises(RecordError, match="disk full; free some space"), PlanFile(path) as file:
        file.add(LINE)
