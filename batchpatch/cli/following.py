"""What follows a run: where it went, whether it can be undone, and the one command that is next."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from batchpatch.cli.next_command import NextCommands, command_line
from batchpatch.cli.run_text import place_line, undo_line
from batchpatch.errors import RecordError, SettingsError
from batchpatch.model import Outcome, count_failed
from batchpatch.recording.manifest import read_manifest, read_summary
from batchpatch.recording.run_directory import RunDirectory
from batchpatch.recording.run_paths import takes_back
from batchpatch.reporting.place import Place, place_of, why_not_undone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.cli.options.declare import Given
    from batchpatch.formats.run_json import Manifest
    from batchpatch.model import Summary


class Following(NamedTuple):
    """The commands that make sense after a run; None where one does not."""

    send_failed: str | None = None
    resume: str | None = None
    undo: str | None = None
    undo_because: str | None = None
    """Why there is no `undo`."""
    is_undo: bool = False
    """It has taken another run back."""
    place: Place | None = None
    status: str | None = None
    """Looks at the run while it is at work."""
    limit: int | None = None
    """Rows up to which `resume` goes: those of a `--limit` that is not reached yet."""
    conflicts: int = 0
    """Rows in conflict: of an undo participants who hold what somebody else has set since."""
    undo_anyway: str | None = None
    """Restores those as well: sent again as they were, they would conflict again."""
    plan_failed: str | None = None
    """Plans the failed rows again, some of which are in conflict with an earlier plan."""
    since: str | None = None
    """Looks at what became of its failed rows, where another run has sent them again."""

    @classmethod
    def of(
        cls,
        path: Path,
        failed: Sequence[Path],
        *,
        resumable: bool,
        instead: Sequence[Given] = (),
        undo: bool = True,
    ) -> Following:
        """What follows a run that has ended.

        Args:
            path: its directory.
            failed: files of the rows that did not make it.
            resumable: there is more to send, and its inputs are there.
            instead: the flags of whoever went on with it, where they differ from its own.
            undo: whether it can be undone is to be found out, which reads its results.

        Raises:
            RecordError: its record cannot be read.
        """
        commands = NextCommands.of(path, instead=instead)
        with RunDirectory.open(path, lock=False) as directory:
            manifest = read_manifest(directory.manifest_path)
            in_own_sandbox = commands.in_own_sandbox
            because = None
            if undo:
                because = why_not_undone(directory, manifest, in_own_sandbox=in_own_sandbox)
            summary = _summary(directory)
        taken_back = _taken_back(manifest)
        conflicts, others = _failed(summary)
        # What conflicts does so again, unless what is expected is another value than before.
        is_sent = bool(others) if taken_back is not None else not conflicts
        is_planned = taken_back is None and bool(conflicts)
        return cls(
            commands.send_failed(failed) if is_sent else None,
            commands.resume() if resumable else None,
            commands.undo() if undo and because is None else None,
            because,
            taken_back is not None,
            place_of(manifest),
            command_line("status", [path], []),
            manifest.limit,
            conflicts,
            _undo_anyway(taken_back, commands) if taken_back and conflicts else None,
            commands.plan_failed(failed) if is_planned else None,
        )

    @property
    def next(self) -> str | None:
        """The one command that comes next: first the rest of the run, then what has failed."""
        return self.resume or self.since or self.send_failed or self.plan_failed or self.undo_anyway

    def place_lines(self) -> list[str]:
        """Where it went, and whether that can be undone."""
        if self.place is None:
            return []
        return [place_line(self.place), self.undo_line()]

    def undo_line(self) -> str:
        """Whether it can be undone."""
        return undo_line(self.undo, self.undo_because, is_undo=self.is_undo)

    def next_lines(self) -> list[str]:
        """What to do now; none where nothing is left to do."""
        lines = []
        if self.resume:
            up_to = f", up to its --limit {self.limit}" if self.limit is not None else ""
            lines += [f"To go on with this run{up_to}:", f"  {self.resume}"]
        if self.send_failed:
            lines += [
                "To send the failed rows again, once they are mended or the cause is gone:",
                f"  {self.send_failed}",
            ]
        if self.plan_failed:
            told = (
                f"{self.conflicts:,} {'row is' if self.conflicts == 1 else 'rows are'} in conflict."
            )
            lines += [
                f"{told} To plan the failed rows again, from what is there now:",
                f"  {self.plan_failed}",
            ]
        if self.undo_anyway and not self.resume:
            hold = "participant holds" if self.conflicts == 1 else "participants hold"
            told = (
                f"{self.conflicts:,} {hold} what somebody else has set since. To overwrite that "
                "with the values before the run:"
            )
            lines += [told, f"  {self.undo_anyway}"]
        return lines

    def document(self) -> dict[str, Any]:
        """For a program."""
        return {
            "send_failed": self.send_failed,
            "resume": self.resume,
            "undo": self.undo,
            "undo_because": self.undo_because,
            "undo_anyway": self.undo_anyway,
            "plan_failed": self.plan_failed,
            "next": self.next,
            "where": self.place and self.place._asdict(),
        }


def _summary(directory: RunDirectory) -> Summary | None:
    with suppress(RecordError):
        return read_summary(directory.summary_path)
    return None


def _taken_back(manifest: Manifest) -> Path | None:
    """The run that an undo takes back; None of another run."""
    inputs = [file.path for file in manifest.inputs]
    return Path(inputs[0]).parent if takes_back(inputs) else None


def _failed(summary: Summary | None) -> tuple[int, int]:
    """Rows in conflict, and the others that did not make it; where nobody knows, all are others."""
    if summary is None:
        return 0, 1
    conflicts = summary.outcomes.get(Outcome.CONFLICT, 0)
    return conflicts, count_failed(summary.outcomes) - conflicts


def _undo_anyway(path: Path, commands: NextCommands) -> str | None:
    """The undo over what others have set, as of somebody who works where the run lies."""
    with suppress(RecordError, SettingsError):
        near = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        return commands.undo_anyway(near)
    return None
