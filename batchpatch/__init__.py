"""Bulk patches of participant attributes on Genesys Cloud.

The public API, and nothing else. Names are loaded when they are first asked for, so that
`batchpatch check` does not pay for the HTTP client that only `run` needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from batchpatch.version import VERSION

if TYPE_CHECKING:
    from batchpatch.checking import CheckReport, check
    from batchpatch.errors import (
        AccessError,
        BatchpatchError,
        InputError,
        OutageError,
        RecordError,
        SettingsError,
    )
    from batchpatch.finding.options import FindOptions
    from batchpatch.genesys.credentials import Account, find_account
    from batchpatch.genesys.rate import PaceOptions, Rate, parse_rate
    from batchpatch.genesys.retry import RetryPolicy
    from batchpatch.genesys.routes import Route, find_route
    from batchpatch.genesys.transport import ConnectOptions
    from batchpatch.limits import DailyHours, LimitOptions, MaxFailures
    from batchpatch.merging.window import MergeOptions
    from batchpatch.model import Criterion, InvalidRow, Outcome, Progress, Summary
    from batchpatch.pipeline import RunReport, resume, run
    from batchpatch.planning import PlanReport, plan
    from batchpatch.reading.options import ReadOptions
    from batchpatch.recording.summary import Stop
    from batchpatch.sending.safeguards import Safeguards
    from batchpatch.sending.verifying import VerifyOptions
    from batchpatch.settings import Settings
    from batchpatch.stopping import Stopper
    from batchpatch.storing import RecordOptions
    from batchpatch.undoing import undo

__version__ = VERSION

_HOMES = {
    "batchpatch.checking": ("CheckReport", "check"),
    "batchpatch.errors": (
        "AccessError",
        "BatchpatchError",
        "InputError",
        "OutageError",
        "RecordError",
        "SettingsError",
    ),
    "batchpatch.finding.options": ("FindOptions",),
    "batchpatch.genesys.credentials": ("Account", "find_account"),
    "batchpatch.genesys.rate": ("PaceOptions", "Rate", "parse_rate"),
    "batchpatch.genesys.retry": ("RetryPolicy",),
    "batchpatch.genesys.routes": ("Route", "find_route"),
    "batchpatch.genesys.transport": ("ConnectOptions",),
    "batchpatch.limits": ("DailyHours", "LimitOptions", "MaxFailures"),
    "batchpatch.merging.window": ("MergeOptions",),
    "batchpatch.model": ("Criterion", "InvalidRow", "Outcome", "Progress", "Summary"),
    "batchpatch.pipeline": ("RunReport", "resume", "run"),
    "batchpatch.planning": ("PlanReport", "plan"),
    "batchpatch.reading.options": ("ReadOptions",),
    "batchpatch.recording.summary": ("Stop",),
    "batchpatch.sending.safeguards": ("Safeguards",),
    "batchpatch.sending.verifying": ("VerifyOptions",),
    "batchpatch.settings": ("Settings",),
    "batchpatch.stopping": ("Stopper",),
    "batchpatch.storing": ("RecordOptions",),
    "batchpatch.undoing": ("undo",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AccessError",
    "Account",
    "BatchpatchError",
    "CheckReport",
    "ConnectOptions",
    "Criterion",
    "DailyHours",
    "FindOptions",
    "InputError",
    "InvalidRow",
    "LimitOptions",
    "MaxFailures",
    "MergeOptions",
    "OutageError",
    "Outcome",
    "PaceOptions",
    "PlanReport",
    "Progress",
    "Rate",
    "ReadOptions",
    "RecordError",
    "RecordOptions",
    "RetryPolicy",
    "Route",
    "RunReport",
    "Safeguards",
    "Settings",
    "SettingsError",
    "Stop",
    "Stopper",
    "Summary",
    "VerifyOptions",
    "__version__",
    "check",
    "find_account",
    "find_route",
    "parse_rate",
    "plan",
    "resume",
    "run",
    "undo",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its room."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted(__all__)
