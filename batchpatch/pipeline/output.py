"""The output of an execution: what is written beside the results, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from batchpatch.errors import BatchpatchError
    from batchpatch.formats.undo_line import ConflictEntry
    from batchpatch.pipeline.report import PlanReport
    from batchpatch.recording.checkpoint import Proof


class Output(Protocol):
    """What is written beside the results."""

    async def close(self) -> None:
        """No more patches come. Raises RecordError."""

    def is_pointless(self, error: BatchpatchError, *, patches: int, settled: int) -> bool:
        """True where a new run that ended so has left nothing worth keeping."""

    def discard(self) -> None:
        """Remove what was made for it. Raises RecordError."""

    def write_failed(self, proof: Proof, *, changed: Collection[int]) -> list[Path]:
        """Derive the files of the rows that did not make it. Raises RecordError, InputError.

        It takes long, and raises LeftError where the stopper of the run says so.

        `changed`: inputs that are not to be read again, by their index.
        """

    def conclude(self, *, whole: bool) -> None:
        """Give what was written its last form. Raises RecordError, SettingsError.

        `whole`: all rows were read, to the end or to the limit, and recorded.
        """

    def report(self, names: Mapping[str, str]) -> PlanReport | None:
        """What is to be said of it; `names` by id, as far as a list of them was read."""

    @property
    def conflicts(self) -> Sequence[ConflictEntry]:
        """The first conflicts, with values."""
