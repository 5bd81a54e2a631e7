"""`run.json` and `summary.json`, and whether the inputs are still what they were."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from batchpatch.errors import InputError, RecordError
from batchpatch.formats.run_json import InputFile, Manifest
from batchpatch.model import Summary
from batchpatch.recording.manifest import (
    find_changes,
    fingerprint,
    read_manifest,
    read_summary,
    write_manifest,
    write_summary,
)

if TYPE_CHECKING:
    from pathlib import Path


def sentences(manifest: Manifest, *, spool_path: Path | None = None) -> list[str]:
    """What is said of the inputs that have changed."""
    return [change.sentence for change in find_changes(manifest, spool_path=spool_path)]


def manifest_of(*inputs: InputFile) -> Manifest:
    return Manifest(
        version="1.2.3",
        inputs=inputs,
        mapping={"rows.csv": {"Interaction": "conversation", "a": "attribute a"}},
        options={"window": 10_000, "rate": None},
        client_id="client",
        started="2025-01-01T00:00:00Z",
    )


def test_a_manifest_comes_back_as_it_was(tmp_path: Path) -> None:
    """Resuming does the same again only if it reads what was written."""
    (tmp_path / "rows.csv").write_bytes(b"a,b\n")
    stdin = InputFile(path="-", size=None, sha256=None, kind="spool")
    manifest = manifest_of(fingerprint(tmp_path / "rows.csv"), stdin)
    write_manifest(tmp_path / "run.json", manifest)
    assert read_manifest(tmp_path / "run.json") == manifest


def test_the_fingerprint_covers_the_whole_file(tmp_path: Path) -> None:
    """A change in the last byte of a file larger than the chunks must be seen."""
    content = b"0123456789abcdef" * 150_000 + b"!"
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    found = fingerprint(path)
    assert (found.size, found.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_a_relative_input_is_found_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is often resumed from another directory than it was started in."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "rows.csv").touch()
    monkeypatch.chdir(tmp_path)
    manifest = manifest_of(fingerprint((tmp_path / "rows.csv").relative_to(tmp_path)))
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert sentences(manifest) == []


def test_each_kind_of_change_is_named(tmp_path: Path) -> None:
    """Row numbers mean nothing in a changed file, so resuming has to say which file it is."""
    names = ("same", "longer", "edited", "gone", "replaced")
    for name in names:
        (tmp_path / name).write_bytes(b"1,2,3")
    manifest = manifest_of(*(fingerprint(tmp_path / name) for name in names))
    (tmp_path / "longer").write_bytes(b"1,2,3\n")
    (tmp_path / "edited").write_bytes(b"1,2,4")
    (tmp_path / "gone").unlink()
    (tmp_path / "replaced").unlink()
    (tmp_path / "replaced").mkdir()
    assert sentences(manifest) == [
        f"{tmp_path / 'longer'} has changed: it had 5 bytes and now has 6",
        f"{tmp_path / 'edited'} has changed: same size, other content",
        f"{tmp_path / 'gone'} is gone",
        f"{tmp_path / 'replaced'} is gone",
    ]


def test_a_glance_reads_only_what_another_time_makes_suspicious(tmp_path: Path) -> None:
    """At the end of a run whose rows all made it, gigabytes need not be hashed again."""
    path = tmp_path / "rows"
    path.write_bytes(b"1,2,3")
    manifest = manifest_of(fingerprint(path))
    known_ns = path.stat().st_mtime_ns
    path.write_bytes(b"1,2,4")
    os.utime(path, ns=(known_ns, known_ns))
    assert find_changes(manifest, at_a_glance=True) == []
    assert len(find_changes(manifest)) == 1
    os.utime(path, ns=(known_ns, known_ns + 1))
    assert len(find_changes(manifest, at_a_glance=True)) == 1
    path.write_bytes(b"1,2,3")
    assert find_changes(manifest, at_a_glance=True) == []


@pytest.mark.parametrize(
    ("now", "appended"),
    [(b"1,2,3\n4", True), (b"1,2,4\n4", False), (b"1,2", False), (b"", False)],
)
def test_what_was_only_added_to_is_told_from_what_was_changed(
    now: bytes, appended: bool, tmp_path: Path
) -> None:
    """Row numbers hold where the first part is what it was."""
    path = tmp_path / "rows"
    path.write_bytes(b"1,2,3\n")
    manifest = manifest_of(fingerprint(path))
    path.write_bytes(now)
    (change,) = find_changes(manifest)
    assert (change.source, change.gone, change.appended) == (0, False, appended)


def test_a_spool_is_looked_for_where_the_run_is_now(tmp_path: Path) -> None:
    """A run's directory may be moved; a pipe that nobody kept can never be read again."""
    spool = InputFile(path="-", size=None, sha256=None, kind="spool")
    pipe = InputFile(path="/dev/fd/63", size=None, sha256=None, kind="stream")
    path = tmp_path / "input"
    assert sentences(manifest_of(spool), spool_path=path) == [
        f"{path}, the copy of standard input, is gone"
    ]
    path.touch()
    assert sentences(manifest_of(spool), spool_path=path) == []
    assert "cannot be read again" in sentences(manifest_of(pipe))[0]


@pytest.mark.skipif(sys.platform == "win32", reason="FIFOs are POSIX")
def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    """Reading `<(command)` to hash it would eat the rows, or wait forever."""
    os.mkfifo(tmp_path / "pipe")
    assert fingerprint(tmp_path / "pipe").kind == "stream"


def test_an_input_that_is_missing_or_a_directory_is_one_sentence(tmp_path: Path) -> None:
    """The first thing to go wrong for a newcomer is the path."""
    with pytest.raises(InputError, match=r"no\.csv cannot be read: No such file"):
        fingerprint(tmp_path / "no.csv")
    with pytest.raises(InputError, match="is a directory"):
        fingerprint(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems insist on Unicode names")
def test_a_name_that_is_not_utf8_survives(tmp_path: Path) -> None:
    """An old archive's file names must not keep a run from being resumed."""
    path = tmp_path / os.fsdecode(b"caf\xe9.csv")
    path.write_bytes(b"rows")
    write_manifest(tmp_path / "run.json", manifest_of(fingerprint(path)))
    assert sentences(read_manifest(tmp_path / "run.json")) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"inputs":[{"path":1}]}', b"\xff"])
def test_a_file_that_is_no_manifest_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    """Whatever lies in run.json, the user learns that it is this file that is wrong."""
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(RecordError, match=r"run\.json is "):
        read_manifest(tmp_path / "run.json")


def test_a_field_of_a_later_version_does_not_hurt(tmp_path: Path) -> None:
    """A run begun with a newer release stays readable where nothing else has changed."""
    path = tmp_path / "run.json"
    write_manifest(path, manifest_of())
    path.write_bytes(path.read_bytes().replace(b"{", b'{"novelty": 1,', 1))
    assert read_manifest(path) == manifest_of()


def test_secrets_never_get_into_the_manifest(tmp_path: Path) -> None:
    """run.json is the file that users attach to a bug report."""
    for name in ("client_secret", "proxy_password", "access_token"):
        with pytest.raises(ValueError, match="does not belong"):
            write_manifest(tmp_path / "run.json", replace(manifest_of(), options={name: "x"}))
    assert not (tmp_path / "run.json").exists()


def test_a_summary_comes_back_as_it_was(tmp_path: Path) -> None:
    """`report` shows what the run said of itself."""
    summary = Summary(
        rows=3,
        outcomes={"updated": 2},
        unattempted=1,
        patches=2,
        reads=0,
        lookups=0,
        verifications=0,
        verified=0,
        not_stored=0,
        unverified=0,
        requests=3,
        retries=1,
        throttled=0,
        tokens_minted=1,
        allowance_used=None,
        elapsed_s=1.5,
        started="2025-01-01T00:00:00Z",
        ended="2025-01-01T00:00:01Z",
        exit_code=130,
        stopped_because="interrupted",
        input_exhausted=False,
    )
    write_summary(tmp_path / "summary.json", summary)
    assert read_summary(tmp_path / "summary.json") == summary
    (tmp_path / "summary.json").write_bytes(b"{}")
    with pytest.raises(RecordError, match="not the summary"):
        read_summary(tmp_path / "summary.json")
