"""No flag of a run is forgotten by whoever goes on with it: each is kept, printed, or of one
command, for a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batchpatch.cli.next_command import NextCommands, kept_flags, undo_flags, unkept
from batchpatch.cli.options.declare import Flag, Given, flags_of, with_options
from batchpatch.cli.options.finding import FindingFlags
from batchpatch.cli.options.platform import PlatformFlags
from batchpatch.cli.options.reading import ReadingFlags
from batchpatch.cli.options.sending import (
    AttemptFlags,
    LookingFlags,
    PaceFlags,
    SendingFlags,
    VerifyFlags,
)
from batchpatch.cli.options.stopping import StoppingFlags
from batchpatch.cli.resume import resume
from batchpatch.cli.run import run
from batchpatch.cli.undo import undo
from batchpatch.formats.run_json import InputFile, Manifest, plain_settings
from batchpatch.options.flag_names import FLAG_OF
from batchpatch.options.run import Settings
from batchpatch.recording.manifest import write_manifest

FLAGS: dict[str, Flag] = run.flags  # type: ignore[attr-defined]
ONE_COMMAND = {
    "--allowed": "of a sandbox that ends with the run, and printed with it",
    "--dry-run": "nothing was sent that could go on",
    "--fault": "rows are sent again once the cause of their failure is gone",
    "--force": "was said when the run began, and is not asked again",
    "--json": "what one command prints",
    "--log-every": "how one command shows its progress",
    "--log-json": "what one command prints",
    "--metrics-port": "a port of one process",
    "--no-spool": "such a run cannot go on",
    "--otel": "what one process tells others",
    "--out": "the directory that the next command names",
    "--partial": "was said when the run began, and is not asked again",
    "--progress": "how one command shows its progress",
    "--quiet": "what one command prints",
    "--results": "the pipe of one process",
    "--resume": "the next command is that",
    "--revoke-after": "rows are sent again once the cause of their failure is gone",
    "--seed": "decides what faults hit",
    "--show-values": "what one command prints",
    "--verbose": "what one command prints",
    "--yes": "somebody is asked anew",
}
"""What the next command need not have, and why."""
PROTECTING = {*flags_of(StoppingFlags), "--on-end"}
"""A threshold that is new is among them."""
SAMPLES = {
    "--write": "wrapup",
    "--codes": "codes.csv",
    "--format": "jsonl",
    "--sheet": "2",
    "--encoding": "latin-1",
    "--delimiter": ";",
    "--quote": "'",
    "--escape": "!",
    "--comment": "#",
    "--skip-lines": "2",
    "--columns": "a,b",
    "--multiline": "any",
    "--null": "NULL",
    "--map": "id=a",
    "--deadline": "30s",
    "--participant": "customer",
    "--attributes": "a",
    "--set": "a=b",
    "--code": "x",
    "--only-keys": "a",
    "--rules": "r.toml",
    "--id": "a",
    "--priority": "p",
    "--empty": "set",
    "--nested": "json",
    "--limit": "5",
    "--lookup-batch": "7",
    "--ambiguous": "all",
    "--ended": "skip",
    "--window": "9",
    "--route": "calls",
    "--verify": "100%",
    "--verify-for": "9s",
    "--concurrency": "3",
    "--timeout": "9s",
    "--ca-file": "ca.pem",
    "--retries": "1",
    "--max-wait": "9s",
    "--rate": "9/s",
    "--share": "50%",
    "--tokens": "2",
    "--between": "22:00-06:00",
    "--max-failures": "1%",
    "--max-duration": "2h",
    "--max-outage": "9s",
    "--grace": "3s",
}
"""A value of each flag that has one that is not just any text."""
ALSO = {"--code": "--set", "--id": "--map", "--priority": "--map", "--live-first": "--ended"}
"""Flags that set what another one is better known for."""


def given_of(flag: Flag) -> Given:
    """The flag, with a value of its kind."""
    return Given(flag, () if flag.is_switch else (SAMPLES.get(flag.name, "9"),))


def settings_of(given: Given | None) -> dict[str, Any]:
    """What `run.json` keeps of a run with that flag, by the place of each setting."""
    kept: dict[str, Any] = {}

    @with_options
    def begin(
        *,
        reading: ReadingFlags,
        finding: FindingFlags,
        looking: LookingFlags,
        verifying: VerifyFlags,
        pace: PaceFlags,
        attempts: AttemptFlags,
        sending: SendingFlags,
        platform: PlatformFlags,
    ) -> int:
        settings = Settings(
            read=reading.options(finding),
            find=finding.options(),
            merge=sending.merge_options(live_first=finding.live_first),
            connect=attempts.connect_options(platform.ca_file),
            retry=attempts.retry_options(),
            pace=pace.options(),
            route=sending.route or "",
            safeguards=looking.options(verifying),
        )
        kept.update(places(plain_settings(settings)))
        return 0

    values: dict[str, Any] = {}
    for _, name, flag in begin.fields():
        values[name] = None
        if given is not None and flag.name == given.flag.name:
            value = given.values or True
            values[name] = value if flag.is_repeated or value is True else given.values[0]
    begin.call(values)
    return kept


def places(plain: dict[str, Any], at: str = "") -> dict[str, Any]:
    """Settings by their places, as far as a flag names them."""
    found: dict[str, Any] = {}
    for name, value in plain.items():
        place = f"{at}{name}"
        if isinstance(value, dict) and place not in FLAG_OF:
            found |= places(value, f"{place}.")
        else:
            found[place] = value
    return found


def directory_of(path: Path, flags: tuple[str, ...]) -> Path:
    """A run that was given these flags."""
    options = plain_settings(Settings()) | {"flags": flags}
    file = InputFile(path="rows.csv", size=1, sha256="0", kind="file")
    manifest = Manifest(
        version="0", inputs=(file,), mapping={}, options=options, started="2026-01-01T00:00:00Z"
    )
    path.mkdir()
    write_manifest(path / "run.json", manifest)
    return path


def commands_of(path: Path, given: Given) -> NextCommands:
    """What is printed after a run with that flag."""
    return NextCommands.of(directory_of(path, kept_flags((given,))), instead=unkept((given,)))


@pytest.mark.parametrize("name", sorted(FLAGS))
def test_a_flag_is_kept_or_printed_or_of_one_command(name: str, tmp_path: Path) -> None:
    """What protects the rest of a run (hours, thresholds) is easily lost between two commands."""
    given = given_of(FLAGS[name])
    printed = commands_of(tmp_path / "r", given).resume() or ""
    before, after = settings_of(None), settings_of(given)
    kept = {FLAG_OF.get(place, place) for place in after if before[place] != after[place]}
    is_printed = name in printed.replace("=", " ").split()
    assert bool(kept) + is_printed + (name in ONE_COMMAND and not is_printed) >= 1
    assert kept <= {name, ALSO.get(name, name)}


@pytest.mark.parametrize("name", sorted(PROTECTING))
def test_what_protects_is_in_every_next_command(name: str, tmp_path: Path) -> None:
    """Rows that go out outside the permitted hours cannot be called back."""
    given = given_of(FLAGS[name])
    commands = commands_of(tmp_path / "r", given)
    for command in (commands.resume(), commands.undo(), commands.send_failed([Path("f.csv")])):
        assert name in (command or "").split()
    for declared in (resume, undo):
        assert name in declared.flags  # type: ignore[attr-defined]


def test_an_undo_goes_on_at_its_own_hours(tmp_path: Path) -> None:
    """Those of the run that it takes back need not be its own."""
    run_hours, own = given_of(FLAGS["--between"]), Given(FLAGS["--max-failures"], ("7",))
    path = directory_of(tmp_path / "r", kept_flags((run_hours,)))
    earlier = NextCommands.of(path, instead=(own,))
    flags = undo_flags(earlier, "https://api.mypurecloud.ie", guard=True)
    undone = NextCommands.of(directory_of(tmp_path / "u", flags))
    assert undone.resume() == (
        f"batchpatch resume {tmp_path / 'u'} --max-failures 7 --region mypurecloud.ie"
    )


def test_a_command_that_a_directory_names_is_not_started(tmp_path: Path) -> None:
    """It may have come from somebody else; whoever gave it has it at hand, and gets it printed."""
    given = given_of(FLAGS["--on-end"])
    path = directory_of(tmp_path / "r", kept_flags((given,)))
    assert "--on-end" not in (NextCommands.of(path).resume() or "")
