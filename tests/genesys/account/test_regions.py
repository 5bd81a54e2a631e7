"""The hosts that get the secret and the token are the ones the user meant, or none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.errors import SettingsError
from batchpatch.genesys.account.regions import REGIONS, Hosts, find_hosts, is_loopback

IRELAND = Hosts("https://api.mypurecloud.ie", "https://login.mypurecloud.ie")


@pytest.mark.parametrize(
    "text",
    [
        "eu-west-1",
        "EU-West-1",
        "eu_west_1",
        " mypurecloud.ie ",
        "MyPureCloud.IE",
        "api.mypurecloud.ie",
        "https://login.mypurecloud.ie",
        "https://apps.mypurecloud.ie/directory/#/person/1",
    ],
)
def test_a_region_is_found_however_it_is_written(text: str) -> None:
    """People paste what they have: the AWS name, the SDK's name, the domain, the app's address."""
    assert find_hosts(text) == IRELAND


def test_no_two_regions_share_a_domain() -> None:
    """A doubled line in the table would send one region's secret to another."""
    assert len({find_hosts(region) for region in REGIONS}) == len(REGIONS) == 18


def test_an_unknown_region_lists_the_known_ones() -> None:
    """The message is where a user learns the right name."""
    with pytest.raises(SettingsError, match=r"'mars'.*us-east-1 \(mypurecloud\.com\).*--api-url"):
        find_hosts("mars")


@pytest.mark.parametrize("text", [None, "", "  "])
def test_no_region_says_what_to_set(text: str | None) -> None:
    """A newcomer's first error."""
    with pytest.raises(SettingsError, match="GENESYSCLOUD_REGION"):
        find_hosts(text)


@pytest.mark.parametrize(
    ("api_url", "login_url", "hosts"),
    [
        ("https://api.mypurecloud.ie/", None, IRELAND),
        ("https://API.x.test:8443", None, ("https://api.x.test:8443", "https://login.x.test:8443")),
        ("http://127.0.0.1:8080", None, ("http://127.0.0.1:8080", "http://127.0.0.1:8080")),
        ("http://[::1]:80/g/", None, ("http://[::1]:80/g", "http://[::1]:80/g")),
        ("http://localhost:1", "http://127.9.9.9:2", ("http://localhost:1", "http://127.9.9.9:2")),
        ("https://g.corp/gen", "https://l.corp", ("https://g.corp/gen", "https://l.corp")),
    ],
)
def test_explicit_urls_are_taken(
    api_url: str, login_url: str | None, hosts: tuple[str, ...]
) -> None:
    """The sandbox and a company's gateway are reached this way."""
    assert find_hosts(None, api_url=api_url, login_url=login_url) == hosts


def test_an_explicit_api_url_does_not_leave_the_login_to_the_region() -> None:
    """With a variable left set, a sandbox run would send the real secret to the real host."""
    hosts = find_hosts("eu-west-1", api_url="http://127.0.0.1:8080")
    assert hosts.login_url == "http://127.0.0.1:8080"


def test_a_login_url_alone_keeps_the_region_for_the_api() -> None:
    """Only what is given is replaced."""
    hosts = find_hosts("eu-west-1", login_url="https://login.corp.test")
    assert hosts == ("https://api.mypurecloud.ie", "https://login.corp.test")


def test_a_login_host_that_cannot_be_derived_is_asked_for() -> None:
    """Guessing a host means guessing where a secret goes."""
    with pytest.raises(SettingsError, match="--login-url"):
        find_hosts(None, api_url="https://gateway.corp.test")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.mypurecloud.ie",
        "http://127.0.0.1.evil.test",
        "http://127.1",
        "http://10.0.0.1",
        "https://user:password@api.mypurecloud.ie",
        "https://api.mypurecloud.ie@evil.test",
        "https://api.mypurecloud.ie?x=1",
        "https://api.mypurecloud.ie#x",
        "https://api.mypurecloud.ie?",
        "https://",
        "https:///x",
        "https://api.x:notaport",
        "https://api.x:0",
        "https://api.\nx",
        "https://api.x\\.evil.test",
        "https://[fe80::1%25eth0]",
        "https://[broken",
        "https://äpi.test",
        "ftp://api.x",
        "api.mypurecloud.ie",
        "",
    ],
)
def test_a_url_that_is_no_plain_https_base_is_refused(url: str) -> None:
    """Each of these would send a token in the clear, or to whom the user did not mean."""
    with pytest.raises(SettingsError) as caught:
        find_hosts(None, api_url=url, login_url="https://login.mypurecloud.ie")
    assert "user:password" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:1", True),
        ("http://127.255.0.9", True),
        ("https://localhost", True),
        ("http://[::1]:9/x", True),
        ("http://128.0.0.1", False),
        ("https://localhost.evil.test", False),
        ("http://[::2]", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_only(url: str, loopback: bool) -> None:
    """Plain http, and going around the proxy, hang on this answer."""
    assert is_loopback(url) is loopback


@given(st.text())
def test_any_text_is_hosts_or_a_settings_error(text: str) -> None:
    """Whatever is typed, no other exception reaches the user."""
    for arguments in ({"region": text}, {"region": None, "api_url": text}):
        try:
            hosts = find_hosts(**arguments)
        except SettingsError:
            continue
        assert all(url.startswith("https://") or is_loopback(url) for url in hosts)
