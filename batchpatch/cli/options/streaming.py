"""The flag of those who wait for each row of a run: its results on standard output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from batchpatch.cli.options.declare import Options, flag
from batchpatch.cli.options.reporting import RecordFlags
from batchpatch.cli.options.showing import two_on_stdout
from batchpatch.errors import SettingsError

if TYPE_CHECKING:
    from batchpatch.cli.options.reporting import ReportFlags


def _parse_results(text: str, *, flag: str) -> str:
    if text != "-":
        raise SettingsError(
            f"{flag} takes -, which is standard output: {flag} - . The file of results is "
            "results.jsonl, in the directory of the run (--out)."
        )
    return text


@dataclass(frozen=True, kw_only=True)
class StreamFlags(Options):
    """Whether somebody waits for each row."""

    TITLE: ClassVar[str] = RecordFlags.TITLE

    results: str | None = flag(
        "--results",
        "Write each row's result to stdout as soon as it is settled, a line of JSON each; rows "
        "are sent as they come.",
        metavar="-",
        parse=_parse_results,
    )

    def check(self, reporting: ReportFlags) -> None:
        """Raise SettingsError where stdout is asked for twice, or is not there."""
        if self.results is None:
            return
        if reporting.json:
            raise two_on_stdout("--results")
        from batchpatch.cli.results_pipe import refuse_closed_stdout  # noqa: PLC0415 - only then

        refuse_closed_stdout()
