"""Secrets are found where users keep them, and are seen by nobody else."""

from __future__ import annotations

import copy
import pickle
import traceback
from typing import TYPE_CHECKING

import pytest

from batchpatch.errors import AccessError, BatchpatchError, SettingsError
from batchpatch.genesys.account.credentials import (
    AccessToken,
    Account,
    ClientCredentials,
    Secret,
    find_account,
)

if TYPE_CHECKING:
    from pathlib import Path

PAIR = {"GENESYSCLOUD_OAUTHCLIENT_ID": "an-id", "GENESYSCLOUD_OAUTHCLIENT_SECRET": "hush-1"}
REGION = {"GENESYSCLOUD_REGION": "eu-west-1"}
CONFIG = """
[DEFAULT]
environment = "mypurecloud.de"
client_credentials = "file-id"
client_secret = "hush-file"

[Night]
environment = "mypurecloud.jp"
access_token = "hush-token"

[empty]
environment = "mypurecloud.jp"
"""


@pytest.fixture
def no_file(tmp_path: Path) -> Path:
    """Return a path where no file is, so that the developer's own is not read."""
    return tmp_path / "none.toml"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file as the gc CLI writes it."""
    path = tmp_path / "config.toml"
    path.write_text(CONFIG, "utf-8")
    return path


def client_of(account: Account) -> tuple[str, str]:
    """Return the pair in the clear, to be compared."""
    assert isinstance(account.credentials, ClientCredentials)
    return account.credentials.client_id, account.credentials.client_secret.reveal()


def test_a_secret_shows_itself_to_nobody() -> None:
    """Logs, reports and rich's tracebacks print values by repr, str or format."""
    secret = Secret("hush-1")
    account = Account(ClientCredentials("an-id", secret), ("https://a", "https://l"), "a test")
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>30}", f"{secret:>9}"]
    shown += [repr(account), str(account)]
    assert not [text for text in shown if "hush" in text]
    assert secret.reveal() == "hush-1"


def test_a_secret_is_not_pickled_but_may_be_copied() -> None:
    """A pickle is a file in the making; a copy of a value that holds one is harmless."""
    with pytest.raises(TypeError, match="not to be pickled"):
        pickle.dumps(Secret("hush-1"))
    assert copy.deepcopy([Secret("a")]) == [Secret("a")]


@pytest.mark.parametrize("secret", ["hush-1\nX-Evil:1", "hush 1", "hush-\u00e9", "hush\x00"])
@pytest.mark.parametrize("place", ["traceback", "message"])
def test_a_malformed_secret_is_not_in_the_error(place: str, secret: str, no_file: Path) -> None:
    """The error for a bad secret is the likeliest place to print one."""
    env = {**PAIR, **REGION, "GENESYSCLOUD_OAUTHCLIENT_SECRET": secret}
    with pytest.raises(AccessError) as caught:
        find_account(env, config_path=no_file)
    text = str(caught.value)
    if place == "traceback":
        text = "".join(traceback.format_exception(caught.value))
    assert "GENESYSCLOUD_OAUTHCLIENT_SECRET" in text
    assert "hush" not in text


@pytest.mark.parametrize(
    ("env", "pair"),
    [
        ({**PAIR, "GENESYS_CLIENT_ID": "b", "GENESYS_CLIENT_SECRET": "2"}, ("an-id", "hush-1")),
        ({"GENESYS_CLIENT_ID": "b", "GENESYS_CLIENT_SECRET": " 2 "}, ("b", "2")),
        ({"GC_CLIENT_ID": "c", "GC_CLIENT_SECRET": "3"}, ("c", "3")),
        (
            {
                "GENESYS_CLIENT_ID": "b",
                "GENESYS_CLIENT_SECRET": "2",
                "GC_CLIENT_ID": "c",
                "GC_CLIENT_SECRET": "3",
            },
            ("b", "2"),
        ),
        ({"GENESYS_CLOUD_CLIENT_ID": "d", "GENESYS_CLOUD_CLIENT_SECRET": "4"}, ("d", "4")),
        ({"GENESYSCLOUD_OAUTHCLIENT_ID": "  "}, ("file-id", "hush-file")),
        ({}, ("file-id", "hush-file")),
    ],
)
def test_the_first_family_that_is_set_wins(
    env: dict[str, str], pair: tuple[str, str], file: Path
) -> None:
    """The platform's own names go before the tutorials', and all of them before the file."""
    assert client_of(find_account({**REGION, **env}, config_path=file)) == pair


def test_a_ready_token_goes_before_the_pair(no_file: Path) -> None:
    """As in the Terraform provider, which reads the same variables."""
    env = {**PAIR, **REGION, "GENESYSCLOUD_ACCESS_TOKEN": "hush-2"}
    account = find_account(env, config_path=no_file)
    assert account.credentials == AccessToken(Secret("hush-2"))


@pytest.mark.parametrize(
    ("env", "region", "domain"),
    [
        ({"GENESYSCLOUD_REGION": "us-west-2", "GENESYS_ENV": "x"}, "eu-west-1", "mypurecloud.ie"),
        ({"GENESYSCLOUD_REGION": "us-west-2", "GENESYS_ENV": "x"}, None, "usw2.pure.cloud"),
        ({"GENESYS_ENV": "mypurecloud.com.au"}, None, "mypurecloud.com.au"),
        ({"GENESYS_CLOUD_REGION": "us-west-2"}, None, "usw2.pure.cloud"),
        ({}, None, "mypurecloud.de"),
    ],
)
def test_the_region_has_the_same_precedence(
    env: dict[str, str], region: str | None, domain: str, file: Path
) -> None:
    """An argument, then the environment, then the file."""
    account = find_account({**PAIR, **env}, region=region, config_path=file)
    assert account.hosts.api_url == f"https://api.{domain}"


def test_a_profile_that_was_asked_for_goes_before_the_environment(file: Path) -> None:
    """`--profile` is typed now; the variables may be left from last week."""
    account = find_account({**PAIR, **REGION}, profile="night", config_path=file)
    assert account.credentials == AccessToken(Secret("hush-token"))
    assert account.hosts.api_url == "https://api.mypurecloud.jp"
    assert "night" in account.origin


def test_a_broken_file_is_not_read_when_the_environment_has_all(tmp_path: Path) -> None:
    """Who sets the variables need not mend another tool's file first."""
    path = tmp_path / "config.toml"
    path.write_text("[DEFAULT\n", "utf-8")
    assert client_of(find_account({**PAIR, **REGION}, config_path=path)) == ("an-id", "hush-1")


@pytest.mark.parametrize(
    ("env", "missing"),
    [
        ({"GENESYSCLOUD_OAUTHCLIENT_ID": "x"}, "GENESYSCLOUD_OAUTHCLIENT_SECRET is not"),
        ({"GENESYS_CLIENT_SECRET": "hush-1"}, "GENESYS_CLIENT_ID is not"),
        ({"GC_CLIENT_ID": "x", "GENESYS_CLIENT_SECRET": "hush-1"}, "GENESYS_CLIENT_ID is not"),
        ({}, "No credentials found: set GENESYSCLOUD_OAUTHCLIENT_ID"),
    ],
)
def test_what_is_missing_is_named(env: dict[str, str], missing: str, no_file: Path) -> None:
    """Halves of two pairs must not be joined, and a half is a typo worth naming."""
    with pytest.raises(AccessError, match=missing) as caught:
        find_account({**REGION, **env}, config_path=no_file)
    assert "hush" not in str(caught.value)
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("profile", "content", "message"),
    [
        ("Day", CONFIG, r"no profile 'Day'; it has DEFAULT, Night, empty"),
        ("Day", "", "none at all"),
        ("empty", CONFIG, "has no credentials: set client_credentials"),
        (None, '[DEFAULT]\nclient_id = "x"\n', "profile 'DEFAULT' of .* set client_credentials"),
        (None, 'client_secret = "hush-1', "not valid TOML"),
        (None, "[DEFAULT]\nclient_secret = 7\n", "client_secret in profile 'DEFAULT'"),
        (None, b"\xff\xfe", "not valid TOML"),
        ("Day", None, "there is no file"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(
    profile: str | None, content: str | bytes | None, message: str, tmp_path: Path
) -> None:
    """The parser's own message would quote the line, and the line may hold the secret."""
    path = tmp_path / "config.toml"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BatchpatchError, match=message) as caught:
        find_account(REGION, profile=profile, config_path=path)
    assert "hush" not in "".join(traceback.format_exception(caught.value))


def test_an_unreadable_file_says_why(tmp_path: Path) -> None:
    """A directory in its place stands for every reason the system may have."""
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        find_account(REGION, config_path=tmp_path)


def test_no_region_anywhere_says_what_to_set(no_file: Path) -> None:
    """Credentials alone are not enough to know where to go."""
    with pytest.raises(SettingsError, match="GENESYSCLOUD_REGION"):
        find_account(PAIR, config_path=no_file)


@pytest.mark.parametrize("quotes", ['""', "''", "\u201c\u201d"])
@pytest.mark.parametrize("name", PAIR)
def test_quotes_left_around_a_value_are_pointed_out(name: str, quotes: str, no_file: Path) -> None:
    """A .env file that docker reads keeps them, and the login host only says `invalid_client`."""
    env = {**PAIR, **REGION, name: f"{quotes[0]}hush-1{quotes[1]}"}
    with pytest.raises(AccessError, match=f"{name} in the environment is in quotes") as caught:
        find_account(env, config_path=no_file)
    assert "hush" not in str(caught.value)


def test_no_home_is_no_error_where_the_environment_has_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's user often has none; what is missing otherwise is what is named."""

    def no_home(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("pathlib.Path.expanduser", no_home)
    assert client_of(find_account({**PAIR, **REGION})) == ("an-id", "hush-1")
    assert client_of(find_account(PAIR, api_url="https://api.mypurecloud.ie")) == (
        "an-id",
        "hush-1",
    )
    with pytest.raises(SettingsError, match="No region is set"):
        find_account(PAIR)
    with pytest.raises(AccessError, match="No credentials found"):
        find_account(REGION)
    with pytest.raises(SettingsError, match="no home directory"):
        find_account(REGION, profile="night")


def test_the_proxy_of_the_profile_in_use_comes_along(tmp_path: Path) -> None:
    """A profile that is not used says nothing about how the other account is reached."""
    path = tmp_path / "config.toml"
    proxy = "proxy_host = 'p'\nproxy_port = 8080\nproxy_username = 'u'\nproxy_password = 'hush-p'\n"
    path.write_text(CONFIG.replace("[DEFAULT]\n", f"[DEFAULT]\n{proxy}"), "utf-8")
    account = find_account(REGION, config_path=path)
    assert account.proxy == Secret("http://u:hush-p@p:8080")
    assert "hush" not in repr(account)
    assert find_account({**PAIR, **REGION}, config_path=path).proxy is None
    named = {"GENESYSCLOUD_PROXY_HOST": "q"}
    assert find_account({**REGION, **named}, config_path=path).proxy == Secret("http://q")
