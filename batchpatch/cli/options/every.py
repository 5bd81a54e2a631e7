"""Every flag that the configuration may set: a file need not be about the command that reads it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from batchpatch.cli.options.declare import Reach, flags_of
from batchpatch.cli.options.ending import EndFlags
from batchpatch.cli.options.finding import FindingFlags
from batchpatch.cli.options.platform import PlatformFlags
from batchpatch.cli.options.reading import ReadingFlags
from batchpatch.cli.options.reporting import RecordFlags, ReportFlags, RestartFlags
from batchpatch.cli.options.sending import (
    AttemptFlags,
    ChoiceFlags,
    LookingFlags,
    PaceFlags,
    SendingFlags,
    VerifyFlags,
)
from batchpatch.cli.options.stopping import StoppingFlags
from batchpatch.cli.options.streaming import StreamFlags
from batchpatch.cli.options.trying_out import DryFlags, SandboxFlags, ServerFlags
from batchpatch.cli.options.watching import MetricsFlags, WatchFlags

if TYPE_CHECKING:
    from batchpatch.cli.options.declare import Flag

_GROUPS = (
    *(PlatformFlags, ReadingFlags, FindingFlags, LookingFlags, VerifyFlags, ChoiceFlags),
    *(PaceFlags, AttemptFlags, SendingFlags, StoppingFlags, ReportFlags, EndFlags),
    *(WatchFlags, MetricsFlags),
)


_OF_ONE_LINE = (RecordFlags, RestartFlags, StreamFlags, DryFlags, SandboxFlags, ServerFlags)


@cache
def configurable() -> dict[str, Flag]:
    """These flags, by their names."""
    every = flags_of(*_GROUPS)
    return {name: one for name, one in every.items() if one.reach != Reach.LINE}


@cache
def of_one_line() -> frozenset[str]:
    """Names of the others that `run` has: they belong to one command line."""
    return frozenset(flags_of(*_GROUPS, *_OF_ONE_LINE).keys() - configurable().keys())
