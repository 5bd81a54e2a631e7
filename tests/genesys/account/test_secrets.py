"""Secrets from a file or a command: what is wrong is told without a word of what they hold."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from batchpatch.errors import AccessError
from batchpatch.genesys.account.credentials import ClientCredentials, find_account
from batchpatch.genesys.account.secrets import secret_of_command, secret_of_file

ID = "GENESYSCLOUD_OAUTHCLIENT_ID"
FILE = "GENESYSCLOUD_OAUTHCLIENT_SECRET_FILE"


def script(text: str) -> tuple[str, ...]:
    """A command that does that."""
    return (sys.executable, "-c", text)


def test_the_line_break_is_none_of_the_secret(tmp_path: Path) -> None:
    """Every editor and every `echo` leaves one."""
    path = tmp_path / "secret"
    path.write_bytes(b"\xef\xbb\xbf s3cr3t \r\n")
    assert secret_of_file(path, called="--client-secret-file").secret.reveal() == "s3cr3t"
    found = secret_of_command(script("print('s3cr3t')"), called="--secret-command")
    assert found.secret.reveal() == "s3cr3t"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("print('hush'); raise SystemExit(3)", "ended with exit code 3"),
        ("import sys; print('hush', file=sys.stderr); raise SystemExit(1)", "exit code 1"),
        ("import os; os.kill(os.getpid(), 9)", "ended with signal SIGKILL"),
        ("print()", "is empty"),
        ("import sys; sys.stdout.buffer.write(b'hush' + bytes([255]))", "is no secret"),
    ],
)
def test_a_command_that_fails_is_told_without_its_words(
    text: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """It may have printed the secret before it failed."""
    with pytest.raises(AccessError, match=said) as refused:
        secret_of_command(script(text), called="--secret-command")
    out, err = capfd.readouterr()
    assert "hush" not in f"{refused.value}{out}{err}"


def test_what_is_not_there_is_named() -> None:
    """Both are typed by hand."""
    with pytest.raises(AccessError, match="nowhere cannot be read: No such file"):
        secret_of_file(Path("nowhere"), called="--client-secret-file")
    with pytest.raises(AccessError, match="no-such-program cannot be started"):
        secret_of_command(("no-such-program",), called="--secret-command")


def test_the_secret_of_a_variables_file(tmp_path: Path) -> None:
    """As a container mounts it; both, or a secret without an id, are told."""
    path = tmp_path / "secret"
    path.write_text("s3cr3t\n")
    account = find_account({ID: "me", FILE: str(path)}, region="eu-west-1")
    assert isinstance(account.credentials, ClientCredentials)
    assert account.credentials.client_secret.reveal() == "s3cr3t"
    assert str(path) in account.origin
    both = {ID: "me", FILE: str(path), "GENESYSCLOUD_OAUTHCLIENT_SECRET": "x"}
    with pytest.raises(AccessError, match="are both set"):
        find_account(both, region="eu-west-1")
    found = secret_of_file(path, called="--client-secret-file")
    with pytest.raises(AccessError, match="no client id"):
        find_account({}, config_path=tmp_path / "none", region="eu-west-1", secret=found)


def test_an_explicit_secret_goes_before_a_ready_token(tmp_path: Path) -> None:
    """Whoever names a secret means the client, whatever else the shell has set."""
    path = tmp_path / "secret"
    path.write_text("s3cr3t")
    env = {"GENESYSCLOUD_ACCESS_TOKEN": "t", "GC_CLIENT_ID": "me"}
    found = secret_of_file(path, called="--client-secret-file")
    account = find_account(env, region="eu-west-1", secret=found)
    assert isinstance(account.credentials, ClientCredentials)
    assert account.origin == f"the environment (GC_CLIENT_ID), its secret from {found.origin}"
