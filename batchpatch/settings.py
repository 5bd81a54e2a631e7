"""The options of one run as `run.json` keeps them, so that resuming does the same again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from batchpatch.errors import RecordError
from batchpatch.finding.options import FindOptions
from batchpatch.genesys.rate import DEFAULT_PACE, PaceOptions, Rate
from batchpatch.genesys.retry import DEFAULT_POLICY, RetryPolicy
from batchpatch.genesys.routes import ROUTES, Route, find_route
from batchpatch.genesys.transport import DEFAULT_CONNECT, ConnectOptions
from batchpatch.merging.window import MergeOptions
from batchpatch.reading.options import ReadOptions
from batchpatch.sending.safeguards import Safeguards
from batchpatch.sending.verifying import VerifyOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What each room was told. Holds no secret."""

    read: ReadOptions = field(default_factory=ReadOptions)
    find: FindOptions = field(default_factory=FindOptions)
    merge: MergeOptions = field(default_factory=MergeOptions)
    connect: ConnectOptions = DEFAULT_CONNECT
    retry: RetryPolicy = DEFAULT_POLICY
    pace: PaceOptions = DEFAULT_PACE
    route: Route = ROUTES["attributes"]
    safeguards: Safeguards = field(default_factory=Safeguards)

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `run.json`."""
        read = asdict(self.read)
        read["only_keys"] = None if read["only_keys"] is None else sorted(read["only_keys"])
        # Constants are what the user wrote on the command line, not a customer's data.
        return {
            "read": read,
            "find": asdict(self.find),
            "merge": asdict(self.merge),
            "connect": self.connect._asdict(),
            "retry": self.retry._asdict(),
            "pace": {
                **self.pace._asdict(),
                "rate": self.pace.rate and self.pace.rate.per_s,
                "assumed": self.pace.assumed and self.pace.assumed.per_s,
            },
            "route": self.route.template,
            "safeguards": asdict(self.safeguards),
        }


def settings_from(options: dict[str, Any]) -> Settings:
    """The settings of an earlier run.

    Raises:
        RecordError: `run.json` does not hold them.
    """
    try:
        read = dict(options["read"])
        read["attributes"] = tuple(read["attributes"])
        read["only_keys"] = None if read["only_keys"] is None else frozenset(read["only_keys"])
        pace, safeguards = dict(options["pace"]), dict(options["safeguards"])
        safeguards["verify"] = VerifyOptions(**safeguards["verify"])
        for name in ("rate", "assumed"):
            pace[name] = None if pace[name] is None else Rate(float(pace[name]))
        connect = ConnectOptions(**options["connect"])
        if connect.concurrency < 1:
            raise ValueError("concurrency below 1")
        return Settings(
            read=ReadOptions(**read),
            find=FindOptions(**options["find"]),
            merge=MergeOptions(**options["merge"]),
            connect=connect,
            retry=RetryPolicy(**options["retry"]),
            pace=PaceOptions(**pace),
            route=find_route(options["route"]),
            safeguards=Safeguards(**safeguards),
        )
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise RecordError(
            f"run.json does not hold the options of a run ({error}): start a new run instead."
        ) from None


def without_limit(read: ReadOptions) -> ReadOptions:
    """The same, to the end of the input: a canary is resumed to finish the job."""
    return replace(read, limit=None)
