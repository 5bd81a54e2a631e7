"""The samples, as processes of their own: they are what people copy."""

from __future__ import annotations

import importlib.util
import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.testing import open_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Post = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]
    RunSample = Callable[..., subprocess.CompletedProcess[str]]
    StartReceiver = Callable[[str, str], Post]

SAMPLES = Path(__file__).parents[2] / "samples"
CALL = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


@pytest.fixture
def start_receiver(environment: dict[str, str], tmp_path: Path) -> Iterator[StartReceiver]:
    """Starts a receiver with a sandbox; gives what posts to a path of it. In the end it is stopped
    as a service is, and has to end well."""
    started: list[subprocess.Popen[str]] = []

    def start(name: str, path: str) -> Post:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        process = subprocess.Popen(
            [sys.executable, str(SAMPLES / name), "--sandbox"],
            cwd=tmp_path,
            env=environment | {"PORT": port},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert "Running on" in process.stdout.readline()
        return lambda event: _post(f"http://127.0.0.1:{port}{path}", event)

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=20)
        assert (process.returncode, "Traceback" in said) == (0, False), said


def _post(url: str, event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, json.dumps(event).encode(), timeout=30) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read())


def test_the_webhook_receiver(start_receiver: StartReceiver) -> None:
    """Each event has its own answer, many at a time, and what cannot be is not tried again."""
    post = start_receiver("webhook_receiver.py", "/events")
    events = [{"conversationId": CALL, "tier": "gold", "eventId": f"e-{n}"} for n in range(30)]
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(post, events))
    assert [(status, answer["id"]) for status, answer in answers] == [
        (200, event["eventId"]) for event in events
    ]
    status, answer = post({"conversationId": "A91", "tier": "gold", "eventId": "e-31"})
    assert (status, answer["outcome"], answer["id"]) == (422, "invalid", "e-31")


def test_the_order_webhook(start_receiver: StartReceiver) -> None:
    """Who is meant is found by an attribute, and the answer says that it is stored."""
    post = start_receiver("order_webhook.py", "/orders")
    order = {"conversationId": CALL, "orderId": "4711", "status": "paid"}
    status, answer = post(order)
    assert (status, answer["stored"]) == (200, True)
    status, answer = post(order | {"orderId": "none"})
    assert status == 404
    assert answer["hint"]


needs_celery = pytest.mark.skipif(
    importlib.util.find_spec("celery") is None,
    reason="Celery is not installed: it comes with the extra `samples`",
)


@needs_celery
def test_the_celery_task(run_sample: RunSample) -> None:
    """The tasks of a worker's threads are done, and the process ends by itself."""
    done = run_sample(sys.executable, "celery_task.py", "--sandbox")
    assert (done.returncode, done.stdout.split()) == (0, ["updated"] * 20), done.stderr


@needs_celery
def test_the_celery_task_in_a_pool_of_processes(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """Celery forks its workers and ends them without exit handlers: each has a token of its own,
    and revokes it."""
    (tmp_path / "worker.py").write_text(PREFORK)
    (tmp_path / "queue").mkdir()
    with open_sandbox() as sandbox:
        surroundings = environment | sandbox.environment | {"SANDBOX": sandbox.url}
        surroundings |= {"BROKER_URL": "filesystem://"}
        worker = subprocess.Popen(
            [sys.executable, "worker.py"],
            cwd=tmp_path,
            env=surroundings,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        until_s = monotonic() + 40
        while len(sandbox.participants()) < 40 and monotonic() < until_s:
            pass
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=30)
        stats = sandbox.stats()
    assert stats["patches_applied"] == 40, said
    assert 1 <= stats["mints"] == stats["revoked"] <= 2, said


PREFORK = f"""
import os, sys, uuid
sys.path.insert(0, {str(SAMPLES)!r})
from batchpatch import Patcher, configure_sync
from celery_task import app, set_attributes

configure_sync(lambda: Patcher(api_url=os.environ["SANDBOX"]))
folders = ("data_folder_in", "data_folder_out", "processed_folder", "control_folder")
app.conf.broker_transport_options = dict.fromkeys(folders, "queue")
app.conf.result_backend = "disabled://"
for number in range(1, 41):
    who = (str(uuid.UUID(int=number)), {{"tier": "gold"}}, "customer")
    set_attributes.apply_async(who, ignore_result=True)
app.worker_main(["worker", "--pool", "prefork", "--concurrency", "2", "--loglevel", "WARNING"])
"""
