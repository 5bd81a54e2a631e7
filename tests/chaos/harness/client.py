"""The process that is killed: a run, a plan, an undo or a resumption, as the command line does it.

The command line has no flag for the pauses between attempts; here they are short, and the run
keeps them in its `run.json`, from where `batchpatch resume` and `undo` take them. Nor has it one
for the buffer of the results: a small one makes the file of a short run grow as that of a long one
does, so that a kill finds some lines written and others not.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchpatch.cli import main as command_line
from batchpatch.cli import results_pipe
from batchpatch.cli.options.sending import AttemptFlags
from batchpatch.cli.session import run_until_stopped
from batchpatch.commands import plan, undo
from batchpatch.commands.resume import resume
from batchpatch.commands.run import run
from batchpatch.errors import BatchpatchError
from batchpatch.genesys.account.credentials import find_account
from batchpatch.genesys.rate_limit import shared_limit, window_state
from batchpatch.options.read import FindOptions, ReadOptions
from batchpatch.options.run import (
    ConnectOptions,
    LimitOptions,
    MergeOptions,
    PaceOptions,
    RecordOptions,
    RetryPolicy,
    Safeguards,
    Settings,
    VerifyOptions,
)
from batchpatch.recording import results
from batchpatch.sending import read_back
from batchpatch.writes.registry import find_route

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from batchpatch.genesys.account.credentials import Account
    from batchpatch.pipeline.stop import Stopper

CREDENTIALS = {
    "GENESYSCLOUD_OAUTHCLIENT_ID": "sandbox",
    "GENESYSCLOUD_OAUTHCLIENT_SECRET": "sandbox",
}
QUICK = RetryPolicy(base_s=0.01, cap_s=0.05)
QUICK_HOLD = {"MARGIN_S": 0.01, "BASE_S": 0.01, "CAP_S": 0.05}
"""Constants of the cooldown: a refusal is over in no time, as it is a fault like others here."""
QUICK_SHARED = {"_MARGIN_S": 0.01, "_LEAST_PER_S": 20.0}
"""Likewise of a limit of all tokens: the pace that is left when nothing was admitted yet."""
QUICK_LOOKS = {"FIRST_DELAY_S": 0.05, "LONGEST_DELAY_S": 0.5}
"""Constants of `waiting`, for a platform that applies what it accepts in no time."""


def merging(window_rows: int, *, live_first: bool = False) -> MergeOptions:
    """A window of so many rows; with one, no two rows share a request, however near they are."""
    if window_rows == 1:
        return MergeOptions(body_bytes=1, live_first=live_first)
    return MergeOptions(window_rows=window_rows, live_first=live_first)


def settings_of(order: dict[str, Any]) -> Settings:
    """The options that an order names; the rest are the usual ones, in a hurry."""
    looking = dict(order.get("looking", {}))
    return Settings(
        read=ReadOptions(**order.get("read", {})),
        find=FindOptions(**order.get("find", {})),
        merge=merging(order["window_rows"], live_first=order.get("live_first", False)),
        connect=ConnectOptions(concurrency=order["concurrency"]),
        retry=QUICK,
        pace=PaceOptions(assumed=None),
        safeguards=Safeguards(verify=VerifyOptions(**looking.pop("verify", {})), **looking),
    )


def main() -> int:
    """Do what the one argument, a JSON object, says; a `command` is the command line's."""
    order = json.loads(sys.argv[1])
    if "most_bytes" in order:  # of a file; the system then refuses as it does on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["most_bytes"], resource.RLIM_INFINITY))
    results.BUFFER_BYTES = order.get("buffer_bytes", results.BUFFER_BYTES)
    vars(window_state).update(QUICK_HOLD)
    vars(shared_limit).update(QUICK_SHARED)
    vars(read_back).update(QUICK_LOOKS)
    results_pipe.MOST_UNREAD_BYTES = order.get("unread_bytes", results_pipe.MOST_UNREAD_BYTES)
    AttemptFlags.retry_options.__kwdefaults__["otherwise"] = QUICK
    if "command" in order:
        sys.argv[1:] = order["command"]
        command_line()
    account = find_account(CREDENTIALS, api_url=order["api_url"])
    try:
        return run_until_stopped(lambda stopper: _carry_out(order, account, stopper))
    except BatchpatchError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _carry_out(
    order: dict[str, Any], account: Account, stopper: Stopper
) -> Coroutine[Any, Any, int]:
    carry_out = _run
    if order.get("resume"):
        carry_out = _resume
    elif "undo" in order:
        carry_out = _undo
    elif "plan" in order:
        carry_out = _plan
    return carry_out(order, account, stopper)


async def _plan(order: dict[str, Any], account: Account, stopper: Stopper) -> int:
    report = await plan.plan(
        [order["input"]],
        account=account,
        out=Path(order["out"]),
        settings=settings_of(order),
        stopper=stopper,
    )
    return report.summary.exit_code


async def _resume(order: dict[str, Any], account: Account, stopper: Stopper) -> int:
    report = await resume(
        Path(order["out"]), account=account, limits=_limits(order), stopper=stopper
    )
    return report.summary.exit_code


async def _undo(order: dict[str, Any], account: Account, stopper: Stopper) -> int:
    report = await undo.undo(
        Path(order["undo"]),
        account=account,
        record=RecordOptions(out=Path(order["out"])),
        limits=_limits(order),
        stopper=stopper,
    )
    return report.summary.exit_code if report is not None else 0


async def _run(order: dict[str, Any], account: Account, stopper: Stopper) -> int:
    settings = settings_of(order)
    report = await run(
        [order["input"]],
        account=account,
        read=settings.read,
        find=settings.find,
        merge=settings.merge,
        connect=settings.connect,
        retry=settings.retry,
        pace=settings.pace,
        route=find_route(order["route"], write="wrapup") if order.get("route") else None,
        safeguards=settings.safeguards,
        record=RecordOptions(out=Path(order["out"])),
        limits=_limits(order),
        stopper=stopper,
    )
    return report.summary.exit_code


def _limits(order: dict[str, Any]) -> LimitOptions:
    return LimitOptions(max_duration_s=order.get("max_duration_s"))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception:
        logging.getLogger(__name__).exception("a traceback, which nobody should ever see")
        sys.exit(70)  # not the 1 of a run that has ended
