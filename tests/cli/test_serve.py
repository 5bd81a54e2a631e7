"""`batchpatch serve`: what a program that is not Python gets, over a real socket."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from http_service import JSON, NDJSON, HttpService, row, until, who

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Start = Callable[..., HttpService]

SLOW = ("--allowed", "2", "--rate-window-s", "3600")
"""A sandbox that answers what the service asks for itself, one row, and nothing more."""


def test_a_row_is_answered_with_its_result(sandbox: Any, start_service: Start) -> None:
    """The caller has to know what became of it; numbers are sent as they were written."""
    service = start_service(sandbox)
    text = json.dumps(row(1, id="call-7")).replace('"private-1"', "1.10").encode()
    answer = service.patch(text)
    assert (answer.status, answer.headers["Content-Type"]) == (200, JSON)
    assert answer.json | {"row": 1, "outcome": "updated", "id": "call-7"} == answer.json
    assert sandbox.state() == {who(1): {"tier": "1.10"}}
    code, said = service.stop()
    assert (code, "private" in said, "Traceback" in said) == (0, False, False)


def test_what_is_wrong_with_a_row_is_its_result(sandbox: Any, start_service: Start) -> None:
    """The request was understood: its answer has the outcome, as in a batch."""
    service = start_service(sandbox)
    answer = service.patch(row(1, conversationId="private"))
    assert (answer.status, answer.json["outcome"]) == (200, "invalid")
    assert answer.json["code"] == "bad_conversation_id"


WRONG: list[tuple[str, str, bytes | None, str, int, str]] = [
    ("POST", "/patch", b"{", JSON, 400, "not JSON"),
    ("POST", "/patch", b"\xff", JSON, 400, "UTF-8"),
    ("POST", "/patch", b"", JSON, 400, "not JSON"),
    ("POST", "/patch", b"[]", JSON, 400, "A row is an object"),
    ("POST", "/patch?wait=never", b"{}", JSON, 400, "wait is 0 or 1"),
    ("POST", "/patch?wait=0", b"{}\n{}", NDJSON, 400, "wait=0 is for one row"),
    ("POST", "/patch", b"{}", "text/plain", 415, "application/json"),
    ("POST", "/patch", b" " * (1 << 20) + b"{}", JSON, 413, "1,048,576 bytes"),
    ("GET", "/patch", None, JSON, 405, "POST /patch"),
    ("GET", "/elsewhere", None, JSON, 404, "POST /patch"),
]


def test_a_request_that_is_none_is_told_why(sandbox: Any, start_service: Start) -> None:
    """One sentence that a program can log, and never a page or a traceback."""
    service = start_service(sandbox)
    for method, path, body, kind, status, words in WRONG:
        answer = service.ask(method, path, body, Content_Type=kind)
        assert (answer.status, list(answer.json)) == (status, ["error"])
        assert words in answer.json["error"]


def test_a_body_that_is_not_what_it_says_is_the_client_s_fault(
    sandbox: Any, start_service: Start
) -> None:
    """No fault of ours to be looked for, and of many rows no second answer within the first."""
    service = start_service(sandbox)
    packed = {"Content_Encoding": "gzip"}
    one = service.patch(b"{no gzip}", **packed)
    assert (one.status, "Content-Encoding" in one.json["error"]) == (400, True)
    many = service.ask("POST", "/patch", b"{no gzip}", Content_Type=NDJSON, **packed)
    assert [list(line) for line in many.lines] == [["error"]]
    assert "Content-Encoding" in many.lines[0]["error"]
    assert "could not be answered" not in service.stop()[1]


def test_many_rows_are_answered_while_they_come(sandbox: Any, start_service: Start) -> None:
    """A client that streams has its first answer before it knows its second row."""
    connection = start_service(sandbox).connect()
    connection.putrequest("POST", "/patch")
    connection.putheader("Content-Type", NDJSON)
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()

    def send(text: bytes) -> None:
        connection.send(b"%x\r\n%s\r\n" % (len(text), text))

    send(json.dumps(row(1)).encode() + b"\n")
    assert connection.sock is not None
    early = connection.sock.recv(65536)
    while b"updated" not in early:
        early += connection.sock.recv(65536)
    send(b"\n{nothing\n" + json.dumps(row(2)).encode())
    send(b"")
    rest = b""
    while not rest.endswith(b"0\r\n\r\n"):
        rest += connection.sock.recv(65536)
    assert (rest.count(b'"outcome":"updated"'), rest.count(b'"code":"bad_json"')) == (1, 1)
    connection.close()


def test_many_rows_may_all_be_sent_first(sandbox: Any, start_service: Start) -> None:
    """Most clients read an answer once their request is out; that must not wait for itself."""
    service = start_service(sandbox, "--queue", "100")
    answer = service.patch(*[row(number) for number in range(2000)])
    assert sorted(line["row"] for line in answer.lines) == list(range(1, 2001))
    assert {line["outcome"] for line in answer.lines} == {"updated"}


def test_a_line_beyond_all_measure_ends_the_answer(sandbox: Any, start_service: Start) -> None:
    """What came before it is settled, and the last line says why there is no more."""
    answer = start_service(sandbox).patch(row(1), b"x" * (1 << 20) + b"x")
    assert [line.get("outcome") for line in answer.lines] == ["updated", None]
    assert "1,048,576 bytes" in answer.lines[-1]["error"]


def test_a_row_that_nobody_waits_for_is_in_the_record(
    sandbox: Any, start_service: Start, tmp_path: Path, results: Any
) -> None:
    """The answer names the row by which its line is found."""
    service = start_service(sandbox, "--record", str(tmp_path / "r"))
    answer = service.patch(row(1, id="a"), path="/patch?wait=0")
    assert (answer.status, answer.json) == (202, {"row": 1, "id": "a"})
    assert service.stop()[0] == 0
    assert [(one["row"], one["id"], one["outcome"]) for one in results(tmp_path / "r")] == [
        (1, "a", "updated")
    ]


def test_a_full_queue_refuses(start_sandbox: Any, start_service: Start) -> None:
    """A caller who is told to come back can do something else; one who hangs cannot."""
    service = start_service(start_sandbox(*SLOW), "--queue", "1", "--grace", "0s")
    service.patch(row(1))
    until(lambda: service.patch(row(2), path="/patch?wait=0").status == 202)
    until(lambda: service.metric("batchpatch_rows_waiting") == 1)
    answer = service.patch(row(3))
    assert (answer.status, list(answer.json)) == (429, ["error"])
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_a_caller_who_goes_away_is_cancelled(start_sandbox: Any, start_service: Start) -> None:
    """Nobody would learn what came of it, so it is not sent, and holds no place."""
    sandbox = start_sandbox(*SLOW)
    service = start_service(sandbox, "--grace", "0s")
    service.patch(row(1))
    gone = [service.connect() for _ in range(40)]
    for number, connection in enumerate(gone, 2):
        connection.request("POST", "/patch", json.dumps(row(number)), {"Content-Type": JSON})
    until(lambda: service.metric("batchpatch_rows_waiting") >= 39)
    for connection in gone:
        connection.close()
    # Few have left the window and wait for a permit already.
    until(lambda: service.metric('batchpatch_rows_total{outcome="rejected"}') >= 30)


def test_it_drains_when_it_is_stopped(start_sandbox: Any, start_service: Start) -> None:
    """A deployment must not lose what was accepted; what comes later is told to go elsewhere."""
    sandbox = start_sandbox("--fault", "kind=latency,ms=1500")
    service = start_service(sandbox)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(service.patch, row(1))
        until(lambda: service.metric("batchpatch_requests_in_flight") == 1)
        service.process.terminate()
        until(lambda: service.get("/healthz").status == 503)
        late = service.patch(row(2))
        assert (late.status, "being stopped" in late.json["error"]) == (503, True)
        assert waiting.result().json["outcome"] == "updated"
    code, said = service.stop()
    assert (code, "Traceback" in said) == (0, False)


def test_what_cannot_be_settled_in_time_is_exit_code_3(
    start_sandbox: Any, start_service: Start
) -> None:
    """The caller is answered all the same, and an operator sees that rows were left."""
    service = start_service(start_sandbox(*SLOW), "--grace", "0.2s")
    service.patch(row(1))
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(service.patch, row(number)) for number in range(2, 6)]
        until(lambda: service.metric("batchpatch_rows_waiting") >= 4)
        code, said = service.stop()
        answers = [one.result().json for one in waiting]
    assert (code, "Traceback" in said) == (3, False)
    assert {(one["outcome"], one["code"]) for one in answers} == {("unknown", "closed")}


def test_refused_credentials_are_said_and_stay_said(
    start_sandbox: Any, start_service: Start
) -> None:
    """The service has started before anybody could know; every caller and the probe are told."""
    sandbox = start_sandbox("--fault", "status=401,on=token,times=always")
    service = start_service(sandbox)
    assert service.get("/healthz").json == {"status": "ok"}
    for _ in range(2):
        answer = service.patch(row(1))
        assert (answer.status, list(answer.json)) == (503, ["error"])
        assert "refuses the credentials" in answer.json["error"]
    health = service.get("/healthz")
    assert (health.status, health.json["error"]) == (503, answer.json["error"])
    code, said = service.stop()
    assert (code, answer.json["error"] in said, "kept-to-itself" in said) == (4, True, False)


def test_an_outage_shows_in_its_health(sandbox: Any, start_service: Start) -> None:
    """Rows wait for its end, and whoever operates the service sees why."""
    service = start_service(sandbox)
    sandbox.set_faults("status=503,times=always,on=any")
    for number in range(8):
        service.patch(row(number), path="/patch?wait=0")
    until(lambda: service.get("/healthz").status == 503)
    assert "has not answered" in service.get("/healthz").json["error"]
    sandbox.set_faults()
    until(lambda: service.get("/healthz").status == 200)
    until(lambda: service.metric('batchpatch_rows_total{outcome="updated"}') == 8)


def test_no_web_page_can_write(sandbox: Any, start_service: Start) -> None:
    """A page that a browser on this machine has loaded reaches the port as well."""
    service = start_service(sandbox)
    assert service.patch(row(1), Host="attacker.example:8765").status == 403
    assert service.patch(row(1), Origin="https://attacker.example").status == 403
    assert service.get("/metrics", Host="attacker.example").status == 403
    assert sandbox.state() == {}


def test_metrics_without_their_library_say_what_to_install(
    sandbox: Any,
    start_service: Start,
    tmp_path: Path,
    environment: dict[str, str],
) -> None:
    """The service itself needs none of it."""
    (tmp_path / "absent").mkdir()
    (tmp_path / "absent" / "prometheus_client.py").write_text("raise ImportError\n")
    paths = f"{tmp_path / 'absent'}:{environment.get('PYTHONPATH', '')}"
    names = {"GENESYSCLOUD_OAUTHCLIENT_ID": "a", "GENESYSCLOUD_OAUTHCLIENT_SECRET": "b"}
    service = start_service(sandbox, env={**names, "PYTHONPATH": paths})
    answer = service.get("/metrics")
    assert answer.status == 501
    assert "pip install '.[metrics]'" in answer.json["error"]
    assert service.patch(row(1)).json["outcome"] == "updated"


def test_the_secret_opens_it(sandbox: Any, start_service: Start, tmp_path: Path) -> None:
    """Whoever bears it comes in, from anywhere; a probe without it learns yes or no."""
    file = tmp_path / "secret"
    file.touch(mode=0o600)
    file.write_text("a-secret-of-32-characters-or-so\n")
    service = start_service(sandbox, "--secret-file", str(file))
    for borne in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": file.read_text().strip()},
    ):
        answer = service.patch(row(1), **borne)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert service.get("/metrics", **borne).status == 401
    assert service.get("/healthz").json == {"status": "ok"}
    bearer = {"Authorization": f"Bearer {file.read_text().strip()}", "Host": "patches.example"}
    assert service.patch(row(1), **bearer).json["outcome"] == "updated"
    assert service.get("/metrics", **bearer).status == 200
    assert "a-secret" not in service.stop()[1]


def test_a_flag_about_files_is_said_to_have_no_effect(batchpatch: Any) -> None:
    """Rows come over HTTP: whoever names a sheet expects a workbook to be read."""
    done = batchpatch("serve", "--sheet", "Rows", "--tls-cert", "cert.pem")
    assert done.returncode == 2
    assert "--sheet has no effect on serve" in done.stderr


def test_a_port_that_is_taken_is_said(
    sandbox: Any, start_service: Start, batchpatch: Any, credentials: dict[str, str]
) -> None:
    """A second service beside the first is the usual reason."""
    port = start_service(sandbox).url.rpartition(":")[2]
    done = batchpatch("serve", "--port", port, "--api-url", sandbox.url, env=credentials)
    assert (done.returncode, "try --port 0" in done.stderr) == (2, True)
    assert "Traceback" not in done.stderr
