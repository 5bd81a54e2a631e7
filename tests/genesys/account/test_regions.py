"""The hosts that get the secret and the token are the ones the user meant, or none."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.errors import SettingsError
from batchpatch.genesys.account.regions import (
    REGIONS,
    Hosts,
    find_hosts,
    hosts_again,
    is_loopback,
)

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


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("eu-centrall-1", r"eu-central-1 \(mypurecloud\.de\)"),
        ("mypurecloud.dee", r"eu-central-1 \(mypurecloud\.de\)"),
        ("eu-west-3", r"eu-west-[12] \(.*\) or eu-west-[12] \(.*\)"),
    ],
)
def test_a_region_that_is_nearly_one_is_named_alone(text: str, meant: str) -> None:
    """Among eighteen nobody finds the letter that is one too many."""
    with pytest.raises(SettingsError, match=rf"did you mean {meant}.*\?.*--api-url") as caught:
        find_hosts(text)
    assert "us-east-1" not in str(caught.value)


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


def noted(domain: str) -> dict[str, str]:
    """What a run of that region leaves in run.json."""
    return {"api_url": f"https://api.{domain}", "login_url": f"https://login.{domain}"}


@pytest.mark.parametrize(
    "region", [None, "eu-west-1", "mypurecloud.ie", "https://apps.mypurecloud.ie"]
)
def test_a_run_of_the_same_region_goes_on_without_a_flag(region: str | None) -> None:
    """Whoever resumes need not say again what both places agree on."""
    hosts = Hosts(**noted("mypurecloud.ie"))
    assert hosts_again(*hosts, region=region) == hosts
    assert hosts_again(hosts.api_url, None, region=region) == hosts


@pytest.mark.parametrize(
    ("api_url", "login_url", "flag"),
    [
        ("https://api.evil.test", "https://login.evil.test", "--api-url https://api.evil.test"),
        ("https://api.mypurecloud.ie", "https://evil.test", "--login-url https://evil.test"),
        ("https://api.mypurecloud.ie", "https://login.mypurecloud.de", "--login-url https://login"),
        ("https://api.mypurecloud.ie.evil.test", None, "--api-url"),
        ("https://api.mypurecloud.ie:444", None, "--api-url"),
        ("https://api.mypurecloud.ie/evil", None, "--api-url"),
        ("http://127.0.0.1:8080", "https://evil.test", "--login-url https://evil.test"),
        ("https://evil.test", None, "--login-url"),
        ("http://api.mypurecloud.ie", None, "--api-url"),
    ],
)
def test_a_host_that_run_json_names_is_not_told_the_secret(
    api_url: str, login_url: str | None, flag: str
) -> None:
    """A directory may come from anybody; the sentence says how to say that it is meant."""
    with pytest.raises(SettingsError, match=flag):
        hosts_again(api_url, login_url, region=None)


def test_a_run_of_another_region_needs_the_flag_again() -> None:
    """The same client may exist there, and it is another organisation's data."""
    with pytest.raises(SettingsError, match=r"--region mypurecloud\.de"):
        hosts_again(**noted("mypurecloud.de"), region="eu-west-1")


@pytest.mark.parametrize("region", [None, "eu-west-1"])
def test_this_machine_is_a_sandbox(region: str | None) -> None:
    """It needs no flag, because nobody's secret is sent there."""
    url = "http://127.0.0.1:8080"
    assert hosts_again(url, url, region=region) == Hosts(url, url)


@given(st.text(), st.none() | st.text())
def test_any_noted_hosts_are_the_platforms_or_a_settings_error(api: str, login: str | None) -> None:
    """run.json can be edited like any file."""
    with suppress(SettingsError):
        assert is_loopback(hosts_again(api, login, region=None).api_url)
