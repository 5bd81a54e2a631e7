"""The process that is killed: a run, or its resumption, as the command line does it.

The command line has no flag for the pauses between attempts; here they are short, and the run
keeps them in its `run.json`, from where `batchpatch resume` takes them. Nor has it one for the
buffer of the results: a small one makes the file of a short run grow as that of a long one does,
so that a kill finds some lines written and others not.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from batchpatch import pipeline
from batchpatch.cli import main as command_line
from batchpatch.cli.engine import run_until_stopped
from batchpatch.errors import BatchpatchError
from batchpatch.genesys import hold
from batchpatch.genesys.credentials import find_account
from batchpatch.genesys.rate import PaceOptions
from batchpatch.genesys.retry import RetryPolicy
from batchpatch.genesys.transport import ConnectOptions
from batchpatch.limits import LimitOptions
from batchpatch.merging.window import MergeOptions
from batchpatch.recording import results
from batchpatch.storing import RecordOptions

CREDENTIALS = {
    "GENESYSCLOUD_OAUTHCLIENT_ID": "sandbox",
    "GENESYSCLOUD_OAUTHCLIENT_SECRET": "sandbox",
}
QUICK = RetryPolicy(base_s=0.01, cap_s=0.05)
QUICK_HOLD = {"MARGIN_S": 0.01, "BASE_S": 0.01, "CAP_S": 0.05}
"""Constants of `hold`: a refusal is over in no time, because here it is a fault like others."""


def merging(window_rows: int) -> MergeOptions:
    """A window of so many rows; with one, no two rows share a request, however near they are."""
    if window_rows == 1:
        return MergeOptions(body_bytes=1)
    return MergeOptions(window_rows=window_rows)


def main() -> int:
    """Do what the one argument, a JSON object, says; a `command` is the command line's."""
    order = json.loads(sys.argv[1])
    if "most_bytes" in order:  # of a file; the system then refuses as it does on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["most_bytes"], resource.RLIM_INFINITY))
    results.BUFFER_BYTES = order.get("buffer_bytes", results.BUFFER_BYTES)
    vars(hold).update(QUICK_HOLD)
    if "command" in order:
        sys.argv[1:] = order["command"]
        command_line()
    account = find_account(CREDENTIALS, api_url=order["api_url"])
    limits = LimitOptions(max_duration_s=order.get("max_duration_s"))
    out = Path(order["out"])
    try:
        report = run_until_stopped(
            lambda stopper: (
                pipeline.resume(out, account=account, limits=limits, stopper=stopper)
                if order.get("resume")
                else pipeline.run(
                    [order["input"]],
                    account=account,
                    merge=merging(order["window_rows"]),
                    connect=ConnectOptions(concurrency=order["concurrency"]),
                    retry=QUICK,
                    pace=PaceOptions(assumed=None),
                    record=RecordOptions(out=out),
                    limits=limits,
                    stopper=stopper,
                )
            )
        )
    except BatchpatchError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return report.summary.exit_code


if __name__ == "__main__":
    sys.exit(main())
