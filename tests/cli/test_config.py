"""Settings that hold without a flag, as a user meets them: in a run, and in `config`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Rows = Callable[..., Path]


def test_a_run_keeps_what_was_configured(
    batchpatch: Run, make_rows: Rows, sandbox: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """Whoever goes on with it may sit where neither the file nor the variable is."""
    (tmp_path / "batchpatch.toml").write_text('concurrency = 4\nset = {batch = "7"}\n')
    env = credentials | {"BATCHPATCH_RATE": "500/s"}
    words = ("--api-url", sandbox.url, "--out", "r", "--limit", "3")
    done = batchpatch("run", str(make_rows(5)), *words, env=env)
    assert done.returncode == 0, done.stderr
    assert "--rate 500/s" in done.stderr or "resume" in done.stderr
    kept = json.loads((tmp_path / "r" / "run.json").read_bytes())["options"]
    assert {"--rate", "500/s", "--concurrency", "4", "--set"} <= set(kept["flags"])
    assert all(one["batch"] == "7" for one in sandbox.state().values())
    (tmp_path / "batchpatch.toml").write_text('rate = "1/h"\n')
    done = batchpatch("resume", "r", env=credentials)
    assert (done.returncode, len(sandbox.state())) == (0, 5), done.stderr


def test_a_file_for_another_command_is_no_trouble(
    batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """It is written once, for run; check says nothing of what does not concern it."""
    (tmp_path / "batchpatch.toml").write_text('max-duration = "1h"\nretries = 3\n')
    done = batchpatch("check", str(make_rows(2)))
    assert (done.returncode, done.stderr) == (0, "")
    assert batchpatch("codes", "--sandbox").returncode == 0


def test_a_byte_order_mark_is_no_setting(batchpatch: Run, make_rows: Rows, tmp_path: Path) -> None:
    """An editor on Windows leaves one, and nobody sees it: in either file."""
    (tmp_path / "batchpatch.toml").write_bytes(b'\xef\xbb\xbfrate = "9/s"\r\n')
    done = batchpatch("check", str(make_rows(2)))
    assert (done.returncode, "at 540/min" in done.stdout) == (0, True), done.stdout + done.stderr
    folder = tmp_path / "home" / ".gc"
    folder.mkdir(parents=True)
    keys = b'client_credentials = "id"\r\nclient_secret = "hush"\r\n'
    (folder / "config.toml").write_bytes(b"\xef\xbb\xbf[night]\r\n" + keys)
    words = ("--profile", "night", "--api-url", "http://127.0.0.1:1", "--json")
    done = batchpatch("doctor", *words)
    assert "profile 'night'" in done.stdout or "profile night" in done.stdout, done.stdout


def test_a_bad_setting_ends_a_command(batchpatch: Run, make_rows: Rows, tmp_path: Path) -> None:
    """In the words of the flag, with the place where it stands."""
    (tmp_path / "batchpatch.toml").write_text('rate = "fast"\n')
    done = batchpatch("check", str(make_rows(1)))
    assert done.returncode == 2
    assert done.stderr == (
        "batchpatch: batchpatch.toml: rate fast: write 300/min, 5/s or 18000/h, or none for no "
        "limit.\n"
    )
    assert batchpatch("config").returncode == 2


def test_config_shows_what_holds_and_where_from(batchpatch: Run, tmp_path: Path) -> None:
    """Nobody should have to look into four places."""
    own = tmp_path / "home" / ".config" / "batchpatch"
    own.mkdir(parents=True)
    (own / "config.toml").write_text('rate = "1/s"\nsecret-command = "vault --key=hush"\n')
    (tmp_path / "batchpatch.toml").write_text("concurrency = 9\n")
    env = {"BATCHPATCH_RATE": "2/s", "GENESYSCLOUD_REGION": "eu-west-1", "BATCHPATCH_RATTE": "1"}
    env["XDG_CONFIG_HOME"] = ""
    done = batchpatch("config", "--json", env=env)
    document = json.loads(done.stdout)
    found = {name: (one["value"], one["origin"]) for name, one in document["settings"].items()}
    assert found == {
        "rate": ("2/s", "BATCHPATCH_RATE"),
        "concurrency": ("9", "batchpatch.toml"),
        "region": (None, "GENESYSCLOUD_REGION"),
        "api-url": (None, "GENESYSCLOUD_REGION"),
        "login-url": (None, "GENESYSCLOUD_REGION"),
        "secret-command": ("(a command)", str(own / "config.toml")),
    }
    assert document["unknown_variables"] == ["BATCHPATCH_RATTE"]
    shown = batchpatch("config", env=env).stdout
    assert "BATCHPATCH_RATTE" in shown
    assert "hush" not in done.stdout + shown


MISSPELT = {
    "BATCHPATCH_RAT": "hush/s",
    "BATCHPATCH_TTL": "hush",
    "BATCHPATCH_EMPTY": "",
    "BATCHPATCH_SERVICE_PORT": "80",  # as in a cluster that has a service of that name
}
WARNINGS = [
    "Warning: BATCHPATCH_RAT sets nothing: did you mean BATCHPATCH_RATE?",
    "Warning: BATCHPATCH_TTL sets nothing: `batchpatch config --all` shows what can be set.",
]


def test_a_misspelt_variable_is_said_where_it_would_have_counted(
    batchpatch: Run, make_rows: Rows
) -> None:
    """Whoever misspells a pace finds out in the middle of the night, and looks into no config."""
    rows = str(make_rows(2))
    done = batchpatch("check", rows, env=MISSPELT)
    assert (done.returncode, done.stderr.splitlines()) == (0, WARNINGS)
    assert batchpatch("run", rows, "--sandbox", "--quiet", env=MISSPELT).stderr == ""
    done = batchpatch("run", rows, "--sandbox", "--log-json", "--out", "r", env=MISSPELT)
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [one.get("message") for one in events[:2]] == WARNINGS
    assert done.returncode == 0
    assert batchpatch("config", env=MISSPELT).stderr == ""
    shown = batchpatch("config", env=MISSPELT).stdout
    assert "BATCHPATCH_RAT (did you mean BATCHPATCH_RATE?), BATCHPATCH_TTL" in shown
    assert "hush" not in shown


@pytest.mark.parametrize("how", ["--client-secret-file", "--secret-command", "variable", "profile"])
def test_a_secret_lies_elsewhere(
    batchpatch: Run, make_rows: Rows, sandbox: Any, tmp_path: Path, how: str
) -> None:
    """A container mounts it, a vault prints it; the report and the run's record hold none of it."""
    (tmp_path / "secret").write_text("hush-hush\n")
    words = ["--api-url", sandbox.url, "--out", "r", "--verbose"]
    env = {"GENESYSCLOUD_OAUTHCLIENT_ID": "me"}
    if how == "variable":
        env["GENESYSCLOUD_OAUTHCLIENT_SECRET_FILE"] = str(tmp_path / "secret")
    elif how == "profile":
        (tmp_path / "batchpatch").mkdir()
        (tmp_path / "batchpatch" / "config.toml").write_text('secret-command = "cat secret"\n')
        env["XDG_CONFIG_HOME"] = str(tmp_path)
    else:
        words += [how, "secret" if how == "--client-secret-file" else "cat secret"]
    done = batchpatch("run", str(make_rows(2)), *words, env=env)
    assert (done.returncode, len(sandbox.state())) == (0, 2), done.stderr
    kept = b"".join(path.read_bytes() for path in (tmp_path / "r").iterdir() if path.is_file())
    assert "hush" not in done.stderr
    assert b"hush" not in kept
    assert b"cat secret" not in kept


def test_all_shows_the_defaults_themselves(batchpatch: Run) -> None:
    """A dash would send its reader to the help for each of them."""
    lines = batchpatch("config", "--all").stdout.splitlines()
    found = {line.split()[0]: line.split()[1:] for line in lines if line.endswith("default")}
    assert found["keep-before"] == ["false", "default"]
    assert found["log-every"] == ["60s", "default"]
    told = json.loads(batchpatch("config", "--all", "--json").stdout)
    assert told["settings"]["log-every"]["default"] == "60s"


@pytest.mark.parametrize("command", ["purge", "codes"])
def test_flags_that_do_nothing_are_shown_as_such(command: str, batchpatch: Run) -> None:
    """They are accepted everywhere; a help that lists them among the others promises something."""
    text = batchpatch(command, "--help-all").stdout
    _, _, idle = text.partition("Without effect here, and accepted")
    assert all(name in idle for name in ("--yes", "--show-values", "--progress"))
