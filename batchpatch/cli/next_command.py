"""The commands that are printed: what goes on from a run, whole, so that it works as pasted.

A run keeps the flags that it was given in its `run.json`; whoever goes on (resume, undo, the rows
that failed) needs some of them again, and this is the only place that knows which.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.cli.options.declare import flags_of, pairs_of
from batchpatch.cli.options.ending import EndFlags
from batchpatch.cli.options.finding import FindingFlags
from batchpatch.cli.options.platform import PlatformFlags
from batchpatch.cli.options.reading import ReadingFlags
from batchpatch.cli.options.reporting import ReportFlags
from batchpatch.cli.options.sending import (
    AttemptFlags,
    LookingFlags,
    PaceFlags,
    SendingFlags,
    VerifyFlags,
)
from batchpatch.cli.options.stopping import StoppingFlags
from batchpatch.cli.options.trying_out import SandboxFlags, ServerFlags
from batchpatch.errors import as_typed
from batchpatch.genesys.account.regions import region_of, usual_api_url
from batchpatch.recording.manifest import read_manifest
from batchpatch.recording.plan_output import partial_path, state_path
from batchpatch.recording.run_directory import RunDirectory

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from batchpatch.cli.options.declare import Given

_ATTEMPTS = flags_of(PaceFlags, AttemptFlags)
_STOPPING = flags_of(StoppingFlags)
_SENDING = flags_of(LookingFlags, VerifyFlags, SendingFlags) | _STOPPING | _ATTEMPTS
_END = flags_of(EndFlags)
_PLATFORM = flags_of(PlatformFlags)
_SANDBOX = flags_of(SandboxFlags, ServerFlags)
_ALL = flags_of(ReadingFlags, FindingFlags, ReportFlags) | _SENDING | _PLATFORM | _SANDBOX | _END

_TROUBLE = {"--fault", "--revoke-after", "--seed"}
"""Of the sandbox: rows are sent again once the cause of their failure is gone."""
_OF_ONE_RUN = {"--limit", "--no-spool", "--json", "--partial", "--yes", *_TROUBLE}
"""What belongs to the run that was, not to the next one."""
_NOT_KEPT = {"--secret-command", "--on-end"}
"""What `run.json` says nothing of: whoever pastes a command must not start what a directory names
that came from somebody else."""
_HOSTS = {"--region", "--api-url", "--login-url"}
"""Flags of which one replaces the others."""


class NextCommands(NamedTuple):
    """What can be done after a run, as commands for a shell; None where nothing can."""

    directory: Path
    given: tuple[Given, ...]
    """The flags of the run."""
    input_kept: bool
    """It can be read again; not so where standard input was not kept, or was purged."""
    instead: tuple[Given, ...] = ()
    """The flags of whoever has gone on with it, which its own record does not have."""

    @classmethod
    def of(cls, directory: Path, *, instead: Sequence[Given] = ()) -> NextCommands:
        """From the run's own record, with the flags of whoever goes on with it instead.

        Raises:
            RecordError: the record cannot be read.
        """
        with RunDirectory.open(directory, lock=False) as run:
            manifest = read_manifest(run.manifest_path)
            gone = {"stream"} if run.spool_path.exists() else {"stream", "spool"}
        recorded = pairs_of(manifest.options.get("flags", ()), _ALL)
        given = merged([one for one in recorded if one.flag.name not in _NOT_KEPT], instead)
        kept = all(file.kind not in gone for file in manifest.inputs)
        return cls(directory, given, kept, tuple(instead))

    @property
    def in_own_sandbox(self) -> bool:
        """It was sent to a sandbox that ended with it."""
        return any(one.flag.name == "--sandbox" for one in self.given)

    def resume(self) -> str | None:
        """Goes on with the run, at the hours and up to the thresholds that it was given."""
        if not self.input_kept:
            return None
        changed = _ATTEMPTS.keys() & {one.flag.name for one in self.instead}
        words = self._words({*_PLATFORM, *_SANDBOX, *_STOPPING, *_END, *changed})
        return command_line("resume", [self.directory], words)

    def send_failed(self, files: Collection[Path]) -> str | None:
        """Sends the rows again that did not make it; their files are written as the input was."""
        if not files:
            return None
        return command_line("run", files, self._words(_ALL, without={*_OF_ONE_RUN, "--sheet"}))

    def plan_failed(self, files: Collection[Path]) -> str | None:
        """Plans them again, from what is there now: sent again, a conflict is one again. The plan
        gets the flags of the run, which is what it names in the end."""
        if not files:
            return None
        words = list(self._words(_ALL, without={*_OF_ONE_RUN, "--sheet"}))
        return command_line("plan", files, ["--out", str(_free_name(self.directory)), *words])

    def undo(self, *, force: bool = False) -> str:
        """Takes the run back, where something is left to take back.

        `force`: over what somebody else has set since, too.
        """
        words = self._words({*_PLATFORM, *_STOPPING, *_END})
        return command_line("undo", [self.directory], ["--force", *words] if force else words)

    def undo_anyway(self, taken_back: Path) -> str:
        """Of an undo: the undo over what somebody else has set since, of that same run.

        Where that run went its own record says; the rest is as this undo was asked to.

        Raises:
            RecordError: that record cannot be read.
            SettingsError: that run is gone.
        """
        more = [one for one in self.given if one.flag.name not in _HOSTS]
        return NextCommands.of(taken_back, instead=more).undo(force=True)

    def _words(
        self, known: Collection[str], *, without: Collection[str] = _TROUBLE
    ) -> Iterable[str]:
        return words_of(one for one in self.given if one.flag.name in {*known} - {*without})


def _free_name(directory: Path) -> Path:
    """What a plan of a run's rows can be called: beside the run, where nothing is called so."""
    whole = directory if directory.name not in ("", "..") else directory.resolve()
    for number in count(1):
        more = f"-{number}" if number > 1 else ""
        path = whole.with_name(f"{whole.name}.plan{more}.jsonl")
        if not (path.exists() or partial_path(path).exists() or state_path(path).exists()):
            return path
    raise AssertionError  # numbers do not end


def run_plan(plan: Path, given: Iterable[Given]) -> str:
    """The command that runs a plan which was made with these flags."""
    known = {*_SENDING, *_PLATFORM, *_SANDBOX, "--write"} - _TROUBLE - {"--partial"}
    return command_line("run", [plan], words_of(one for one in given if one.flag.name in known))


_LAYOUT = {"--skip-lines", "--columns", "--comment", "--quote", "--escape", "--sheet"}
"""How an input is laid out that batchpatch has not written itself."""


_TEXT = {"--delimiter", "--encoding", "--format"}
"""Of a CSV that is written as the input was; of a workbook it is written as batchpatch writes."""


def run_sorted(path: str, given: Iterable[Given], *, of_workbook: bool) -> str:
    """The command that sends the valid rows which `check` has written with these flags."""
    known = {*flags_of(ReadingFlags, FindingFlags), *_SENDING, *_PLATFORM} - _LAYOUT - {"--force"}
    known -= _TEXT if of_workbook else set()
    return command_line("run", [path], words_of(one for one in given if one.flag.name in known))


def kept_flags(given: Iterable[Given]) -> tuple[str, ...]:
    """The flags as `run.json` keeps them. None is a secret: those come from no command line."""
    known = {*_ALL} - _OF_ONE_RUN - _NOT_KEPT
    return tuple(words_of(one for one in given if one.flag.name in known))


def unkept(given: Iterable[Given]) -> tuple[Given, ...]:
    """Those that `run.json` does not keep, and whoever goes on needs all the same."""
    return tuple(one for one in given if one.flag.name in _NOT_KEPT)


def undo_flags(earlier: NextCommands, api_url: str, *, guard: bool) -> tuple[str, ...]:
    """The flags with which `run` does what an undo of that run does, for its `run.json`.

    Args:
        earlier: the run that is undone, and the flags of the undo.
        api_url: where the undo goes, whoever has said so.
        guard: it restores only what is as the run has left it.
    """
    known = {"--route", "--write", "--force", *flags_of(VerifyFlags), *_ATTEMPTS, *_PLATFORM}
    known -= _HOSTS | _NOT_KEPT
    looking = [*(["--guard"] if guard else []), "--skip-unchanged", "--keep-before"]
    kept = words_of(one for one in earlier.given if one.flag.name in known)
    login = words_of(one for one in earlier.given if one.flag.name == "--login-url")
    stopping = words_of(one for one in earlier.instead if one.flag.name in _STOPPING)
    return (*looking, *kept, *stopping, *_host_words(api_url), *login)


def _host_words(api_url: str) -> list[str]:
    region = region_of(api_url)
    is_usual = api_url == usual_api_url(region)
    return ["--region", region] if is_usual else ["--api-url", api_url]


def merged(earlier: Iterable[Given], later: Sequence[Given]) -> tuple[Given, ...]:
    """The flags of a run with those of whoever goes on with it, which win."""
    names = {one.flag.name for one in later if one.flag.name in _ALL}
    if "--sandbox" in names:
        names |= {*_PLATFORM}
    elif names & _HOSTS:
        names |= {*_HOSTS, *_SANDBOX}
    kept = (one for one in earlier if one.flag.name not in names)
    return (*kept, *(one for one in later if one.flag.name in _ALL))


def words_of(given: Iterable[Given]) -> list[str]:
    """Flags as they are written."""
    return [word for one in given for word in one.words]


def command_line(name: str, arguments: Iterable[Path | str], words: Iterable[str]) -> str:
    """A command as it is typed, whole."""
    return " ".join(map(as_typed, ["batchpatch", name, *map(_argument, arguments), *words]))


def _argument(path: Path | str) -> str:
    """A path that no command line takes for a flag."""
    text = str(path)
    return f"./{text}" if text.startswith("-") and text != "-" else text
