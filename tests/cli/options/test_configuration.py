"""What holds for a flag that was not given: variable, file beside the data, the user's own file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batchpatch.cli.options.configuration import held, levels, settings_for
from batchpatch.cli.options.declare import Reach
from batchpatch.cli.options.every import configurable
from batchpatch.cli.resume import resume
from batchpatch.cli.run import run
from batchpatch.cli.serve import serve
from batchpatch.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Place = "Callable[..., dict[str, str]]"
FLAGS = configurable()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """Writes both files, and gives an environment that names the user's."""

    def write(here: str = "", own: str = "", **env: str) -> dict[str, str]:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "own" / "batchpatch").mkdir(parents=True, exist_ok=True)
        (tmp_path / "batchpatch.toml").write_text(here, encoding="utf-8")
        (tmp_path / "own" / "batchpatch" / "config.toml").write_text(own, encoding="utf-8")
        return {"XDG_CONFIG_HOME": str(tmp_path / "own"), **env}

    return write


def test_the_nearest_place_wins(place: Callable[..., dict[str, str]]) -> None:
    """Each place is for what is less special than the one before it."""
    env = place(
        'rate = "2/s"\nretries = 2\nmap = {participant = "P"}',
        'rate = "3/s"\nretries = 3\nmax-wait = "3s"\nverify = true\nguard = true',
        BATCHPATCH_RATE="1/s",
        BATCHPATCH_GUARD="0",
    )
    found = held(FLAGS, levels(FLAGS, env), typed={"--concurrency"})
    assert {name: one.value for name, one in found.items()} == {
        "--rate": "1/s",
        "--retries": "2",
        "--map": ("participant=P",),
        "--max-wait": "3s",
        "--verify": "100%",
        "--guard": False,
    }
    assert (found["--rate"].origin, found["--retries"].origin) == (
        "BATCHPATCH_RATE",
        "batchpatch.toml",
    )


HOSTS = 'region = "eu-west-1"\nprofile = "prod"\nsecret-command = "vault read x"'


@pytest.mark.parametrize(
    ("typed", "env", "left"),
    [
        ((), {}, {"--region", "--profile", "--secret-command"}),
        (("--sandbox",), {}, set()),
        (("--api-url",), {}, {"--profile", "--secret-command"}),
        (("--region",), {}, {"--profile", "--secret-command"}),
        (("--profile",), {}, set()),
        ((), {"GENESYSCLOUD_REGION": "us-east-1"}, {"--profile", "--secret-command"}),
        ((), {"GENESYSCLOUD_OAUTHCLIENT_SECRET": "s"}, {"--region"}),
    ],
)
def test_where_to_is_said_by_the_nearest_place_alone(
    place: Callable[..., dict[str, str]],
    typed: tuple[str, ...],
    env: dict[str, str],
    left: set[str],
) -> None:
    """A URL of a file beside a region of the command line would be a third place to send to."""
    found = held(FLAGS, levels(FLAGS, place(own=HOSTS, **env)), typed=typed)
    assert set(found) == left


@pytest.mark.parametrize(
    "key",
    [
        *(
            "region",
            "api-url",
            "login_url",
            "ca-file",
            "secret-command",
            "client-secret-file",
            "on-end",
        ),
        *("route", "yes", "profile"),
    ],
)
def test_a_file_beside_the_data_says_nothing_of_where_to(
    place: Callable[..., dict[str, str]], key: str
) -> None:
    """It may have come with the data, from somebody who wants the secret, or rows elsewhere."""
    with pytest.raises(SettingsError, match="it may have come with the data"):
        levels(FLAGS, place(f'{key} = "x"'))


def test_what_a_file_beside_the_data_may_set() -> None:
    """A new flag is on this list only after somebody has thought about it."""
    assert {name for name, one in FLAGS.items() if one.reach == Reach.ANYWHERE} == {
        *("--write", "--code", "--codes", "--format", "--encoding", "--delimiter", "--quote"),
        *("--escape", "--comment", "--skip-lines", "--columns", "--multiline", "--null", "--map"),
        *("--id", "--priority", "--deadline", "--attributes", "--all-columns", "--set"),
        *("--only-keys", "--empty", "--nested", "--no-spool", "--participant", "--ambiguous"),
        *("--lookup-batch", "--ended", "--live-first", "--skip-unchanged", "--guard"),
        *("--keep-before", "--verify", "--verify-for", "--check-codes", "--rate", "--share"),
        *("--tokens", "--concurrency", "--retries", "--timeout", "--max-wait", "--window"),
        *("--max-failures", "--max-duration", "--between", "--max-outage", "--grace"),
        *("--rules", "--sheet"),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ratte = 5", "did you mean rate?"),
        ("foo = 5", "no flag has that name"),
        ('client_secret = "hush"', "a secret has no place there"),
        ("limit = 5", "--limit belongs to one command line."),
        ("zzz = 5", "no flag has that name that a file could set"),
        ("[run]\nrate = 5", "'run'"),
        ("rate = 5/s", "is not valid TOML (at line 1"),
        ("rate = [5]", 'write a text, such as "100/min"'),
        ("guard = 1", "write true or false"),
        ("retries = true", "or a number"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(
    place: Callable[..., dict[str, str]], text: str, said: str
) -> None:
    """A setting that is passed over in silence is a run at another rate than was asked for."""
    with pytest.raises(SettingsError) as refused:
        levels(FLAGS, place(text))
    assert said in str(refused.value)
    assert "batchpatch.toml" in str(refused.value)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("BATCHPATCH_SECRET_COMMAND", "for the command line or the user's profile only"),
        ("BATCHPATCH_LIMIT", "for the command line only"),
        ("BATCHPATCH_GUARD", "write 1 or 0"),
    ],
)
def test_a_variable_that_cannot_be_heard_is_no_silence(
    place: Callable[..., dict[str, str]], name: str, said: str
) -> None:
    """A canary of ten rows that sends them all is no canary."""
    nothing = dict.fromkeys((field for _, field, _ in run.fields()))
    with pytest.raises(SettingsError, match=said):
        settings_for(run, nothing, place(**{name: "x"}))


def test_who_goes_on_with_a_run_has_its_own_flags(place: Callable[..., dict[str, str]]) -> None:
    """A run that was begun at 50 a minute is not resumed at the rate of a file."""
    env = place('rate = "9/s"\nmax-duration = "1h"', 'region = "eu-west-1"', BATCHPATCH_RETRIES="9")
    nothing = dict.fromkeys((field for _, field, _ in resume.fields()))
    assert set(settings_for(resume, nothing, env)) == {"max_duration_s"}


def test_a_variable_of_another_program_is_not_ours(place: Callable[..., dict[str, str]]) -> None:
    """Kubernetes gives BATCHPATCH_PORT=tcp://... to containers beside a service of that name."""
    nothing = dict.fromkeys((field for _, field, _ in serve.fields()))
    env = place(BATCHPATCH_PORT="tcp://10.0.0.1:80", BATCHPATCH_TOKENS="2")
    assert set(settings_for(serve, nothing, env)) == {"tokens"}
