"""The flags of stopping: what ends or pauses the work before its input does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from batchpatch.cli.options.declare import Options, Reach, flag
from batchpatch.options.run import LimitOptions
from batchpatch.options.spelling import parse_between, parse_duration, parse_max_failures

if TYPE_CHECKING:
    from batchpatch.options.run import DailyHours, MaxFailures


@dataclass(frozen=True, kw_only=True)
class StoppingFlags(Options):
    """When it stops or waits."""

    TITLE: ClassVar[str] = "When it stops or waits"
    REACH: ClassVar[Reach] = Reach.ANYWHERE

    max_failures: MaxFailures | None = flag(
        "--max-failures",
        "Stop when more rows than this failed, or a larger share: of all rows, once they are read; "
        "before that of those settled, from 100 on.",
        metavar="N|P%",
        parse=parse_max_failures,
    )
    max_duration_s: float | None = flag(
        "--max-duration",
        "Stop after so long, such as 2h or 90m.",
        metavar="TIME",
        parse=parse_duration,
    )
    between: DailyHours | None = flag(
        "--between",
        "Send only at these hours (local time), and wait for them otherwise.",
        metavar="HH:MM-HH:MM",
        parse=parse_between,
    )
    max_outage_s: float = flag(
        "--max-outage",
        "Give up when the platform answers nothing for so long, or nobody reads --results.",
        default=900.0,
        metavar="TIME",
        parse=parse_duration,
        shown="15m",
    )
    grace_s: float = flag(
        "--grace",
        "What is in flight may take so long after Ctrl-C.",
        default=10.0,
        metavar="TIME",
        parse=parse_duration,
        shown="10s",
    )

    def options(self) -> LimitOptions:
        """What ends or pauses the work before its input does."""
        return LimitOptions(
            max_failures=self.max_failures,
            max_duration_s=self.max_duration_s,
            between=self.between,
            max_outage_s=self.max_outage_s,
            grace_s=self.grace_s,
        )
