"""Before the first run, one command says what is missing, and where it is mended."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
StartSandbox = Callable[..., Any]


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, str]]:
    """What was found, by check."""
    return {one["check"]: one for one in json.loads(done.stdout)["findings"]}


def test_all_is_well(
    batchpatch: Run, start_sandbox: StartSandbox, credentials: dict[str, str]
) -> None:
    """Each thing that a run needs is named, the secret is not, and the token is given back."""
    sandbox = start_sandbox("--allowed", "300")
    words = ("doctor", "--api-url", sandbox.url)
    done = batchpatch(*words, "--json", env=credentials)
    found = findings(done)
    assert done.returncode == 0, done.stdout
    assert {one["state"] for name, one in found.items() if name != "writing"} == {"ok"}
    assert "GENESYSCLOUD_OAUTHCLIENT_ID" in found["credentials"]["text"]
    assert "300 requests a minute" in found["limits"]["text"]
    assert found["organisation"]["text"].startswith("Sandbox ")
    assert "conversation:participant:wrapup" in found["writing"]["text"]
    shown = batchpatch(*words, env=credentials).stdout
    assert "Nothing to mend." in shown
    assert credentials["GENESYSCLOUD_OAUTHCLIENT_SECRET"] not in done.stdout + shown
    assert max(map(len, shown.splitlines())) <= 80
    stats = sandbox.get("stats")
    assert (stats["mints"], stats["revoked"], stats["patches"]) == (2, 2, 0)


def test_what_may_not_be_read_is_told_with_its_place(
    batchpatch: Run, start_sandbox: StartSandbox, credentials: dict[str, str]
) -> None:
    """Whoever grants permissions is somebody else: they need the name and the page."""
    sandbox = start_sandbox(
        *("--deny-reads", "conversation,analytics", "--deny", "routing:wrapupCode:view")
    )
    done = batchpatch("doctor", "--api-url", sandbox.url, "--json", env=credentials)
    found = findings(done)
    assert (done.returncode, json.loads(done.stdout)["problems"]) == (4, 3)
    for check, permission in {
        "conversations": "conversation:communication:view",
        "analytics": "analytics:conversationDetail:view",
        "wrap-up codes": "routing:wrapupCode:view",
    }.items():
        assert found[check]["state"] == "problem"
        assert permission in found[check]["mend"]
        assert "Admin > People & Permissions > Roles/Permissions" in found[check]["mend"]


def test_a_refused_client_is_told_with_its_place(
    batchpatch: Run, start_sandbox: StartSandbox, credentials: dict[str, str]
) -> None:
    """A wrong secret is the first thing that goes wrong; what depends on it is not asked."""
    sandbox = start_sandbox("--fault", "status=401,on=token,times=always")
    done = batchpatch("doctor", "--api-url", sandbox.url, env=credentials)
    assert done.returncode == 4
    told = " ".join(done.stdout.split())
    assert "problem token" in told
    assert "Admin > Integrations > OAuth" in told
    assert sandbox.get("stats")["requests"] == 0


@pytest.mark.parametrize(
    ("env", "check", "said"),
    [
        ({}, "credentials", "GENESYSCLOUD_OAUTHCLIENT_ID"),
        ({"GENESYSCLOUD_REGION": "eu-centrl-1"}, "settings", "eu-centrl-1"),
        ({"GENESYSCLOUD_REGION": "eu-west-1", "HTTPS_PROXY": "socks5://x"}, "proxy", "SOCKS"),
        (
            {"GENESYSCLOUD_REGION": "eu-west-1", "REQUESTS_CA_BUNDLE": "no"},
            "certificates",
            "no cannot",
        ),
    ],
)
def test_what_is_wrong_here_is_found_without_a_network(
    batchpatch: Run, credentials: dict[str, str], env: dict[str, str], check: str, said: str
) -> None:
    """These would end a run in a sentence each; here they are findings, and nothing is sent."""
    done = batchpatch("doctor", "--json", env=(credentials if env else {}) | env)
    found = findings(done)
    assert done.returncode == 4
    assert found[check]["state"] == "problem"
    assert said in found[check]["text"]
    assert found["token"]["state"] == "untested"


def test_a_proxys_password_is_not_shown(batchpatch: Run, credentials: dict[str, str]) -> None:
    """What is pasted into a ticket must hold no secret."""
    env = {"GENESYSCLOUD_REGION": "eu-west-1", "HTTPS_PROXY": "http://me:hush@127.0.0.1:9"}
    done = batchpatch("doctor", "--json", env=credentials | env | {"HURRIED": "mints"})
    assert findings(done)["proxy"]["text"] == "http://127.0.0.1:9"
    assert findings(done)["token"]["state"] == "problem"
    assert "hush" not in done.stdout + done.stderr


def test_it_looks_at_a_sandbox_of_its_own(batchpatch: Run) -> None:
    """The first thing to try, without an account."""
    done = batchpatch("doctor", "--sandbox")
    assert (done.returncode, done.stderr) == (0, "")
    assert "minted, and accepted" in done.stdout
