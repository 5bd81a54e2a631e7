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
from typing import TYPE_CHECKING, Any

import pytest

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


@pytest.mark.skipif(
    importlib.util.find_spec("celery") is None,
    reason="Celery is not installed: it comes with the extra `samples`",
)
def test_the_celery_task(run_sample: RunSample) -> None:
    """The tasks of a worker's threads are done, and the process ends by itself."""
    done = run_sample(sys.executable, "celery_task.py", "--sandbox")
    assert (done.returncode, done.stdout.split()) == (0, ["updated"] * 20), done.stderr
