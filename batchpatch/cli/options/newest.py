"""Which run a command is about: its directory, or the newest one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from batchpatch.cli.options.declare import Argument, Options, flag
from batchpatch.errors import SettingsError

RunOrLast = Annotated[
    Path | None,
    Argument("DIR", "Directory of the run; or --last.", optional=True, parse=Path, of_run=True),
]


@dataclass(frozen=True, kw_only=True)
class LastFlags(Options):
    """Which run."""

    TITLE: ClassVar[str] = "Which run"

    last: bool = flag("--last", "The newest run in batchpatch-runs/.", default=False, everyday=True)

    def choose(self, directory: Path | None, *, command: str) -> Path:
        """The directory that was named, or the newest; of an unfinished plan, that of its state.

        Raises:
            SettingsError: none is named, or two, or there is no run.
            RecordError: the directory of runs cannot be read.
        """
        if directory is not None:
            if self.last:
                raise SettingsError(f"{command} is for one run: leave out DIR, or --last.")
            from batchpatch.recording.plan_output import find_directory  # noqa: PLC0415 - as below

            return find_directory(directory)
        if not self.last:
            raise SettingsError(
                f"{command} needs DIR (the directory of the run), or --last: "
                f"see batchpatch {command} --help."
            )
        from batchpatch.reporting.runs import newest_run  # noqa: PLC0415 - not for --help

        return newest_run()
