"""Companies sit behind proxies, and the sandbox never does."""

from __future__ import annotations

import pytest

from batchpatch.errors import SettingsError
from batchpatch.genesys.connect_proxies import find_proxy

API = "https://api.mypurecloud.ie"


def nowhere(host: str) -> bool:
    """Go around the proxy for no host."""
    return False


@pytest.mark.parametrize(
    ("proxies", "proxy"),
    [
        ({}, None),
        ({"http": "http://p:1"}, None),
        ({"https": "http://p:1", "all": "http://q:2"}, "http://p:1"),
        ({"all": "http://q:2"}, "http://q:2"),
        ({"https": "p:3128"}, "http://p:3128"),
        ({"https": "http://user:hush@p:1"}, "http://user:hush@p:1"),
    ],
)
def test_the_proxy_of_the_scheme_is_used(proxies: dict[str, str], proxy: str | None) -> None:
    """As curl and urllib do with the same variables."""
    assert find_proxy(API, proxies=proxies, bypass=nowhere) == proxy


def test_no_proxy_is_asked_with_the_host() -> None:
    """`NO_PROXY` names hosts, and the platform's may be among them."""
    asked = []

    def bypass(host: str) -> bool:
        asked.append(host)
        return True

    assert find_proxy(API, proxies={"https": "http://p:1"}, bypass=bypass) is None
    assert asked == ["api.mypurecloud.ie"]


def test_this_machine_is_never_reached_through_a_proxy() -> None:
    """A company's HTTP_PROXY would be handed the sandbox's token, and the sandbox never found."""
    assert find_proxy("http://127.0.0.1:8080", proxies={"http": "http://p:1"}) is None


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables' real names, in either case."""
    monkeypatch.setenv("https_proxy", "http://p:1")
    monkeypatch.setenv("no_proxy", "login.mypurecloud.ie")
    assert find_proxy(API) == "http://p:1"
    assert find_proxy("https://login.mypurecloud.ie") is None


@pytest.mark.parametrize(
    "proxy", ["socks5://user:hush@p:1", "http://", "http://user:hush@p:x", "http://[p"]
)
def test_a_proxy_that_cannot_be_used_is_one_sentence(proxy: str) -> None:
    """Otherwise every request fails, and the message would quote the proxy's password."""
    with pytest.raises(SettingsError, match="HTTPS_PROXY") as caught:
        find_proxy(API, proxies={"https": proxy}, bypass=nowhere)
    assert "hush" not in str(caught.value)
