from .commands.check import CheckReport, check
from .commands.codes import codes
from .commands.doctor import Diagnosis, doctor
from .commands.doctor_settings import Finding
from .commands.plan import plan
from .commands.resume import resume
from .commands.run import run
from .commands.undo import undo
from .errors import (
    AccessError,
    BatchpatchError,
    ExitCode,
    InputError,
    LeftError,
    OutageError,
    RecordError,
    SettingsError,
)
from .genesys.account.credentials import Account, find_account
from .genesys.routes import Route
from .model import Criterion, InvalidRow, Outcome, Progress, RowResult, Stop, Summary
from .options.read import FindOptions, ReadOptions
from .options.run import (
    ConnectOptions,
    DailyHours,
    LimitOptions,
    MaxFailures,
    MergeOptions,
    PaceOptions,
    Rate,
    RecordOptions,
    RetryPolicy,
    Safeguards,
    Settings,
    VerifyOptions,
)
from .options.spelling import parse_rate
from .pipeline.report import PlanReport, RunReport
from .pipeline.stop import Stopper
from .service.patcher import Patcher
from .service.sync import close_sync, configure_sync, patch_sync
from .writes.registry import find_route

__version__: str

__all__ = [
    "AccessError",
    "Account",
    "BatchpatchError",
    "CheckReport",
    "ConnectOptions",
    "Criterion",
    "DailyHours",
    "Diagnosis",
    "ExitCode",
    "FindOptions",
    "Finding",
    "InputError",
    "InvalidRow",
    "LeftError",
    "LimitOptions",
    "MaxFailures",
    "MergeOptions",
    "OutageError",
    "Outcome",
    "PaceOptions",
    "Patcher",
    "PlanReport",
    "Progress",
    "Rate",
    "ReadOptions",
    "RecordError",
    "RecordOptions",
    "RetryPolicy",
    "Route",
    "RowResult",
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
    "close_sync",
    "codes",
    "configure_sync",
    "doctor",
    "find_account",
    "find_route",
    "parse_rate",
    "patch_sync",
    "plan",
    "resume",
    "run",
    "undo",
]
