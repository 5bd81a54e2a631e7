"""Before a real organisation is written to, somebody says yes; the sandbox stands in for it."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from terminals import shown_on

from batchpatch.cli.question import question_lines
from batchpatch.genesys.account.organisation import Identity
from batchpatch.genesys.rate_limit.pace import Allowance
from batchpatch.pipeline.estimate import Cost
from batchpatch.pipeline.intent import Intent
from batchpatch.writes.wrapup import WRAPUP

Run = Callable[..., subprocess.CompletedProcess[str]]
Rows = Callable[..., Path]
REGION = "mypurecloud.ie"
INTENT = Intent(
    region=REGION,
    identity=Identity("5a7d6b1e", "Example\x1b[2J", "batch"),
    client_id="id",
    rows=40_000,
    cost=Cost(80_000, 0, is_bound=True),
    allowance=Allowance(300),
    keeps_before=False,
)


def test_the_question_says_what_cannot_be_taken_back() -> None:
    """Its reader has one look; what comes from a server commands no terminal."""
    text = "\n".join(question_lines(INTENT, "run"))
    assert "Example\\x1b[2J (5a7d6b1e), region mypurecloud.ie" in text
    assert "OAuth client: batch" in text
    assert "About 40,000 rows, at most about 80,000 requests: 4 h 26 min" in text
    assert "No --keep-before" in text
    text = "\n".join(
        question_lines(INTENT._replace(keeps_before=True, rows=None, identity=None), "run")
    )
    assert "undo can restore them" in text
    assert "through a pipe" in text
    wrapup = INTENT._replace(keeps_before=True, restored=WRAPUP.restored)
    assert "but a code where there was none stays" in "\n".join(question_lines(wrapup, "run"))
    assert "an organisation that the platform does not name" in text


def test_the_question_says_at_most_only_where_it_is_a_bound() -> None:
    """Reading back takes as many requests as the platform is slow; look-ups are part of it."""
    cost = Cost(120_400, 80_400, is_bound=True)
    text = "\n".join(question_lines(INTENT._replace(cost=cost), "run"))
    assert "at most about 120,400 requests, 80,400 of them look-ups and reads: 6 h 41 min" in text
    text = "\n".join(question_lines(INTENT._replace(cost=cost._replace(is_bound=False)), "run"))
    assert "About 40,000 rows, about 120,400 requests" in text


class Region(NamedTuple):
    """A sandbox behind the names of a region."""

    sandbox: Any
    env: dict[str, str]
    ca_file: str


@pytest.fixture
def region(sandbox: Any, tmp_path: Path, credentials: dict[str, str]) -> Iterator[Region]:
    """A proxy takes the region's names to a sandbox, with a certificate of its own for them."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl to make a certificate with")
    pem = tmp_path / "region.pem"
    names = f"subjectAltName=DNS:api.{REGION},DNS:login.{REGION}"
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    words += ["-subj", "/CN=test", "-keyout", "-", "-out", "-", "-addext", names]
    made = subprocess.run([program, *words], capture_output=True, check=True)
    pem.write_bytes(made.stdout)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    address = urlsplit(sandbox.url)

    class Proxy(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            with (
                context.wrap_socket(self.connection, server_side=True) as inside,
                socket.create_connection((address.hostname, address.port)) as outside,
            ):
                thread = threading.Thread(target=_copy, args=(outside, inside), daemon=True)
                thread.start()
                _copy(inside, outside)
                thread.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        env = {
            "GENESYSCLOUD_REGION": REGION,
            "HTTPS_PROXY": f"127.0.0.1:{server.server_address[1]}",
        }
        yield Region(sandbox, credentials | env, str(pem))
        server.shutdown()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def answered(
    words: list[str], answer: str, *, cwd: Path, env: dict[str, str], stdin: bytes | None = None
) -> tuple[int, str]:
    """What a command says to whoever types this answer; its exit code, and what was shown."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "batchpatch", *words],
        stdin=child if stdin is None else subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=child,
        cwd=cwd,
        env=env | {"TERM": "xterm"},
        preexec_fn=lambda: _own_terminal(child),  # noqa: PLW1509 - it has one thread
    )
    os.close(child)
    if stdin is not None:
        assert process.stdin is not None
        process.stdin.write(stdin)
        process.stdin.close()

    def reply(shown: bytes) -> None:
        nonlocal answer
        if b"[y/N]" in shown and answer:
            os.write(parent, answer.encode())
            answer = ""

    shown = shown_on(parent, reply)
    return process.wait(timeout=60), shown


def _own_terminal(descriptor: int) -> None:
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)


def test_without_a_terminal_nothing_is_sent(
    batchpatch: Run, make_rows: Rows, region: Region, tmp_path: Path
) -> None:
    """A script says so in its command line, or in a variable: then it runs as ever."""
    make_rows(3)
    words = ("run", "rows.csv", "--ca-file", region.ca_file, "--out", "r")
    done = batchpatch(*words, "--json", env=region.env, stdin="")
    assert done.returncode == 2
    assert "add --yes, or set BATCHPATCH_YES=1" in json.loads(done.stdout)["error"]
    assert region.sandbox.get("stats")["mints"] == 0
    assert not (tmp_path / "r").exists()
    done = batchpatch(*words, "--limit", "2", env=region.env | {"BATCHPATCH_YES": "1"})
    assert (done.returncode, len(region.sandbox.state())) == (0, 2), done.stderr
    again = batchpatch("resume", "r", env=region.env)
    assert again.returncode == 2
    assert "resume of r would write" in again.stderr
    assert batchpatch("resume", "r", "--yes", env=region.env).returncode == 0


def test_what_could_not_be_sent_anyway_is_said_first(
    batchpatch: Run, make_rows: Rows, tmp_path: Path, credentials: dict[str, str]
) -> None:
    """Whoever adds --yes after such a sentence must not find that the file was never there."""
    make_rows(3)
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "notes").touch()
    env = credentials | {"GENESYSCLOUD_REGION": REGION}
    for words, said in (
        ("missing.csv", "missing.csv"),
        ("missing.xlsx", "missing.xlsx"),
        ("empty", "empty"),
        ("bad.csv", "no conversation column"),
        ("rows.csv --guard", "--guard compares with the values of a plan"),
        ("rows.csv --out used", "used is not empty"),
        ("rows.csv --out rows.csv", "rows.csv is a file"),
    ):
        done = batchpatch("run", *words.split(), env=env, stdin="")
        assert done.returncode == 2, words
        assert said in done.stderr, words
        assert "--yes" not in done.stderr, words


def test_resume_and_undo_look_before_they_ask(
    batchpatch: Run, make_rows: Rows, region: Region, tmp_path: Path
) -> None:
    """A no leaves a run as it was: rows to be sent again have their lines still."""
    rows = make_rows(3)
    words = ("run", "rows.csv", "--ca-file", region.ca_file, "--out", "r", "--yes")
    region.sandbox.set_faults("status=400,times=always,rate=1")
    assert batchpatch(*words, "--keep-before", env=region.env).returncode == 1
    before = (tmp_path / "r" / "results.jsonl").read_bytes()
    asked = batchpatch("resume", "r", "--retry", "all", env=region.env, stdin="")
    assert (asked.returncode, "add --yes" in asked.stderr) == (2, True)
    assert (tmp_path / "r" / "results.jsonl").read_bytes() == before
    rows.write_text("another")
    done = batchpatch("resume", "r", env=region.env, stdin="")
    assert done.returncode == 2
    assert "--yes" not in done.stderr
    (tmp_path / "r" / "undo.jsonl").write_bytes(b"{}\n{}\n")
    done = batchpatch("undo", "r", env=region.env, stdin="")
    assert "--yes" not in done.stderr
    assert "undo.jsonl" in done.stderr


def test_a_no_leaves_the_lines_of_rows_that_were_to_be_sent_again(
    make_rows: Rows, region: Region, tmp_path: Path, environment: dict[str, str]
) -> None:
    """They say why rows failed; and the question counts these rows too."""
    make_rows(5)
    env = environment | region.env
    words = ["run", "rows.csv", "--ca-file", region.ca_file, "--out", "r", "--yes"]
    region.sandbox.set_faults("status=400,times=always,rate=1")
    subprocess.run([sys.executable, "-m", "batchpatch", *words], cwd=tmp_path, env=env, check=False)
    region.sandbox.set_faults()
    before = (tmp_path / "r" / "results.jsonl").read_bytes()
    resume = ["resume", "r", "--retry", "rejected", "--ca-file", region.ca_file]
    code, shown = answered(resume, "n\n", cwd=tmp_path, env=env)
    assert (code, "About 5 rows" in shown) == (130, True), shown
    assert (tmp_path / "r" / "results.jsonl").read_bytes() == before
    code, shown = answered(resume, "y\n", cwd=tmp_path, env=env)
    assert (code, len(region.sandbox.state())) == (0, 5), shown


def test_yes_sends_and_anything_else_does_not(
    make_rows: Rows, region: Region, tmp_path: Path, environment: dict[str, str]
) -> None:
    """The name of the organisation is read with the token, before a row is sent."""
    make_rows(3)
    words = ["run", "rows.csv", "--ca-file", region.ca_file, "--out", "r", "--limit", "2"]
    env = environment | region.env
    code, shown = answered(words, "\n", cwd=tmp_path, env=env)
    assert code == 130, shown
    assert "Nobody has said yes: nothing was sent." in shown
    assert region.sandbox.get("stats")["patches"] == 0
    assert not (tmp_path / "r").exists()
    code, shown = answered(words, "y\n", cwd=tmp_path, env=env)
    assert code == 0, shown
    assert "run is about to write to Sandbox (" in shown
    assert "About 2 rows, at most about 2 requests" in shown
    assert len(region.sandbox.state()) == 2
    manifest = json.loads((tmp_path / "r" / "run.json").read_text())
    assert (manifest["organisation_name"], manifest["client_name"]) == ("Sandbox", "Sandbox client")
    assert f"Where: Sandbox {manifest['organisation']}, {REGION}, OAuth client" in shown


def test_a_run_that_asks_nobody_says_where_it_went_all_the_same(
    batchpatch: Run, make_rows: Rows, region: Region, tmp_path: Path
) -> None:
    """Whoever is asked on Tuesday what a nightly job has written has its report, and no answer."""
    make_rows(3)
    words = ["run", "rows.csv", "--ca-file", region.ca_file, "--out", "r", "--yes"]
    done = batchpatch(*words, env=region.env)
    assert done.returncode == 0
    manifest = json.loads((tmp_path / "r" / "run.json").read_text())
    assert manifest["organisation_name"] == "Sandbox"
    assert f"Where: Sandbox {manifest['organisation']}, {REGION}, OAuth client" in done.stderr


def test_the_live_view_names_the_organisation(
    batchpatch: Run, make_rows: Rows, region: Region
) -> None:
    """A host is that of a hundred organisations."""
    make_rows(3)
    words = ["run", "rows.csv", "--ca-file", region.ca_file, "--progress", "json", "--yes"]
    done = batchpatch(*words, env=region.env)
    assert done.returncode == 0
    looks = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert {look["organisation"] for look in looks} == {"Sandbox"}


def test_nobody_is_asked_about_a_run_of_which_nothing_is_left(
    batchpatch: Run, make_rows: Rows, region: Region
) -> None:
    """'About 0 rows: go on?' is no question, and a job that is started once more has nobody to
    answer it. Nothing is asked of the platform either."""
    make_rows(3)
    words = ["run", "rows.csv", "--ca-file", region.ca_file, "--out", "r"]
    assert batchpatch(*words, "--yes", env=region.env).returncode == 0
    before = region.sandbox.get("stats")["mints"]
    for again in (["resume", "r", "--ca-file", region.ca_file], [*words, "--resume"]):
        done = batchpatch(*again, env=region.env)
        assert (done.returncode, "Nothing was left to do." in done.stderr) == (0, True), done.stderr
    assert region.sandbox.get("stats")["mints"] == before


def test_nobody_is_asked_about_a_plan_of_no_changes(
    batchpatch: Run, make_rows: Rows, region: Region
) -> None:
    """A nightly job plans, and sends the plan: on most nights there is nothing to say yes to."""
    make_rows(3)
    words = ("--ca-file", region.ca_file)
    assert batchpatch("run", "rows.csv", *words, "--yes", env=region.env).returncode == 0
    assert batchpatch("plan", "rows.csv", *words, "--out", "p", env=region.env).returncode == 0
    done = batchpatch("run", "p", *words, env=region.env, stdin="")
    assert (done.returncode, "0 rows" in done.stderr) == (0, True), done.stderr


def test_the_rest_of_a_canary_is_in_the_question(
    make_rows: Rows, region: Region, tmp_path: Path, environment: dict[str, str]
) -> None:
    """Who says yes to no rows must not find that all the others were written; nor is a limit that
    is not reached yet exceeded."""
    make_rows(9)
    env = environment | region.env
    words = ["run", "rows.csv", "--ca-file", region.ca_file, "--out", "r", "--limit", "4", "--yes"]
    subprocess.run([sys.executable, "-m", "batchpatch", *words], cwd=tmp_path, env=env, check=True)
    resume = ["resume", "r", "--ca-file", region.ca_file]
    code, shown = answered(resume, "n\n", cwd=tmp_path, env=env)
    assert code == 130, shown
    assert "About 5 rows, at most about 5 requests" in shown
    piped = ["run", "-", *words[2:4], "--out", "p", "--limit", "4", "--yes"]
    subprocess.run(
        [sys.executable, "-m", "batchpatch", *piped],
        cwd=tmp_path, env=env, check=True, input=(tmp_path / "rows.csv").read_bytes(),
    )  # fmt: skip
    _, shown = answered(["resume", "p", *resume[2:]], "n\n", cwd=tmp_path, env=env)
    assert "About 5 rows, at most about 5 requests" in shown


def test_ctrl_c_at_the_question_waits_for_nothing(
    make_rows: Rows, region: Region, tmp_path: Path, environment: dict[str, str]
) -> None:
    """Nothing is in flight that could be finished, and no second signal is needed."""
    make_rows(3)
    words = ["run", "rows.csv", "--ca-file", region.ca_file, "--out", "r"]
    code, shown = answered(words, "\x03", cwd=tmp_path, env=environment | region.env)
    assert code == 130, shown
    assert re.search(r"^batchpatch: Nobody has said yes: nothing was sent\.", shown, re.MULTILINE)
    assert "in flight" not in shown


def test_look_ups_and_reading_back_are_in_the_question(
    region: Region, tmp_path: Path, environment: dict[str, str]
) -> None:
    """A row that names a purpose may cost a read, and so does --verify."""
    ids = "\n".join(f"00000000-0000-4000-8000-{number:012}" for number in range(10))
    (tmp_path / "ids.csv").write_text(f"conversationId\n{ids}\n")
    words = ["run", "ids.csv", "--participant", "customer", "--set", "a=b", "--ca-file"]
    env = environment | region.env
    _, shown = answered([*words, region.ca_file], "\n", cwd=tmp_path, env=env)
    assert "About 10 rows, at most about 21 requests, 11 of them look-ups and reads" in shown
    _, shown = answered([*words, region.ca_file, "--verify"], "\n", cwd=tmp_path, env=env)
    assert "About 10 rows, about 31 requests, 21 of them look-ups and reads" in shown


@pytest.mark.parametrize("piped", [False, True])
def test_look_ups_are_in_the_question_of_a_run_that_was_killed(
    piped: bool, region: Region, tmp_path: Path, environment: dict[str, str]
) -> None:
    """It has left no count of them; its rows tell who is to be found."""
    env = environment | region.env
    rows = [f"00000000-0000-4000-8000-{number:012},customer,b" for number in range(10)]
    text = "\n".join(["conversationId,purpose,attr.a", *rows, ""])
    (tmp_path / "ids.csv").write_text(text)
    limited = ["--limit", "2", "--window", "1", "--ca-file", region.ca_file, "--yes", "--out", "r"]
    subprocess.run(
        [sys.executable, "-m", "batchpatch", "run", "-" if piped else "ids.csv", *limited],
        cwd=tmp_path, env=env, check=False, input=text.encode(), capture_output=True,
    )  # fmt: skip
    (tmp_path / "r" / "summary.json").unlink()
    _, shown = answered(["resume", "r", "--ca-file", region.ca_file], "\n", cwd=tmp_path, env=env)
    assert "About 8 rows, at most about 17 requests, 9 of them look-ups and reads" in shown


def test_the_answer_comes_from_the_terminal_where_rows_come_from_a_pipe(
    make_rows: Rows, region: Region, tmp_path: Path, environment: dict[str, str]
) -> None:
    """A row that begins with y is no yes."""
    rows = make_rows(3).read_bytes()
    words = ["run", "-", "--format", "csv", "--ca-file", region.ca_file, "--out", "r"]
    code, shown = answered(words, "yes\n", cwd=tmp_path, env=environment | region.env, stdin=rows)
    assert (code, len(region.sandbox.state())) == (0, 3), shown
    assert "they come through a pipe" in shown


def test_a_service_says_whose_data_it_writes_to(
    start_batchpatch: Callable[..., Any], region: Region
) -> None:
    """It has nobody to ask; whoever reads its log after a mistake has to find where rows went."""
    words = ("serve", "--port", "0", "--ca-file", region.ca_file)
    process = start_batchpatch(*words, env=region.env)
    told = process.stderr.readline()
    assert told.startswith("Rows are written to Sandbox ")
    assert told.endswith(f", {REGION}, OAuth client Sandbox client.\n")
    assert process.stderr.readline().startswith("Listening on http://127.0.0.1:")
    process.terminate()
    assert process.wait(timeout=30) == 0
    assert region.sandbox.get("stats")["mints"] == 1
    process = start_batchpatch(*words, "--log-json", env=region.env)
    event = json.loads(process.stderr.readline())
    assert (event["event"], event["region"]) == ("place", REGION)
    assert event["organisation_name"] == "Sandbox"


def test_a_service_that_may_not_ask_serves_all_the_same(
    start_batchpatch: Callable[..., Any], region: Region
) -> None:
    """Its callers are told of refused credentials; a pod that ends at once tells nobody."""
    region.sandbox.set_faults("status=401,on=token,times=always")
    words = ("serve", "--port", "0", "--ca-file", region.ca_file)
    process = start_batchpatch(*words, env=region.env)
    assert process.stderr.readline().startswith("Rows are written to an organisation that")
    assert process.stderr.readline().startswith("Listening on ")
