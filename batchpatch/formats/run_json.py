"""The options in `run.json`, so that resuming does the same again. Pure."""

from __future__ import annotations

from typing import Any

from batchpatch.errors import RecordError
from batchpatch.options.read import FindOptions, ReadOptions
from batchpatch.options.run import Settings
from batchpatch.options.send import (
    ConnectOptions,
    MergeOptions,
    PaceOptions,
    Rate,
    RetryPolicy,
    Safeguards,
    VerifyOptions,
)


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
            route=str(options["route"]),
            safeguards=Safeguards(**safeguards),
        )
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise RecordError(
            f"run.json does not hold the options of a run ({error}): start a new run instead."
        ) from None
