"""A Celery task that patches: all threads of a worker share one token and one quota.

python samples/celery_task.py --sandbox     # broker, worker and sandbox, for a try
cd samples && celery --app celery_task worker     # with BROKER_URL and credentials
"""

import os
import sys
from functools import partial
from uuid import UUID

from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery.signals import worker_process_shutdown

from batchpatch import Outcome, Patcher, close_sync, configure_sync, patch_sync

app = Celery("patches", broker=os.environ.get("BROKER_URL", "memory://"), backend="cache+memory://")


# acks_late: what a worker that died had taken is done again, which is safe.
@app.task(acks_late=True, autoretry_for=(TimeoutError,), retry_backoff=True)
def set_attributes(conversation_id: str, attributes: dict[str, str], who: str) -> str:
    """Write to one participant; what is final is the task's result."""
    result = patch_sync(conversation_id, attributes, participant=who, timeout_s=60)
    if result.outcome is Outcome.UNKNOWN:
        raise TimeoutError(result.message)
    return result.outcome if result.outcome.made_it else f"{result.outcome}: {result.message}"


@worker_process_shutdown.connect
def close(**_: object) -> None:
    """Settle and revoke the token: a child of the prefork pool runs no exit handlers."""
    close_sync()


def try_it(count: int = 20) -> None:
    """Start a worker in this process, and give it some tasks."""
    with start_worker(app, pool="threads", concurrency=8, perform_ping_check=False):
        tasks = [
            set_attributes.delay(str(UUID(int=number)), {"tier": "gold"}, "customer")
            for number in range(1, count + 1)
        ]
        print(*(task.get(timeout=60) for task in tasks), sep="\n")


if __name__ == "__main__":
    configure_sync(partial(Patcher, sandbox="--sandbox" in sys.argv))
    try_it()
