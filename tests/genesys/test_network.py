"""Companies inspect TLS and sit behind proxies, and say so in several places."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from batchpatch.errors import SettingsError
from batchpatch.genesys.network import (
    BUNDLES,
    ENVIRONMENT_PROXY,
    PROFILE_PROXY,
    find_proxy,
    named_proxy,
    trusted_certificates,
)

if TYPE_CHECKING:
    from pathlib import Path

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBeTCCAR+gAwIBAgIUFKPe16D/HKM2j26hSZwhuUOnQ40wCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGYSB0ZXN0MCAXDTI2MTEyNjAxMDkyMloYDzIxMjYxMTAyMDEw
OTIyWjARMQ8wDQYDVQQDDAZhIHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AATu397G2jsKsIGtlG6nBJdvQFUq47d8KcnZmGZvLUMgpk244j/I87DlvycANPLP
V+a5i3p6GtN264epTVViRtwRo1MwUTAdBgNVHQ4EFgQUN2yn5QScNILZ1ZOoJAM5
vhPFMd4wHwYDVR0jBBgwFoAUN2yn5QScNILZ1ZOoJAM5vhPFMd4wDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA0iVOJpum7aiavotDNhh5zBk2r0o6
Pl9O7IzkDhhsEr8CIB2Ueuk9ZwVekgsLg4gt+8u3whXgBRTKUamLPRIWlH0G
-----END CERTIFICATE-----
"""


def trusted(context: ssl.SSLContext | bool) -> list[str]:
    """Names of the authorities that were loaded from a file."""
    assert isinstance(context, ssl.SSLContext)
    names = [
        dict(pair for part in one["subject"] for pair in part) for one in context.get_ca_certs()
    ]
    return [name["commonName"] for name in names if name.get("commonName") == "a test"]


@pytest.mark.parametrize("name", BUNDLES)
def test_what_other_tools_are_told_is_honoured(name: str, tmp_path: Path) -> None:
    """Whoever has set it for requests or curl has a proxy that this program meets as well."""
    path = tmp_path / "ca.pem"
    path.write_text(CERTIFICATE, "ascii")
    assert trusted(trusted_certificates(None, {name: str(path)})) == ["a test"]


def test_the_flag_goes_first_and_nothing_means_the_system(tmp_path: Path) -> None:
    """A flag is typed now; and OpenSSL reads its own variables by itself."""
    path = tmp_path / "ca.pem"
    path.write_text(CERTIFICATE, "ascii")
    env = {"REQUESTS_CA_BUNDLE": "/nowhere"}
    assert trusted(trusted_certificates(str(path), env)) == ["a test"]
    assert trusted_certificates(None, {"CURL_CA_BUNDLE": " "}) is True


def test_a_folder_of_certificates_will_do(tmp_path: Path) -> None:
    """The variables may name one, as OpenSSL's SSL_CERT_DIR does."""
    assert isinstance(trusted_certificates(None, {"CURL_CA_BUNDLE": str(tmp_path)}), ssl.SSLContext)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (ssl.PEM_cert_to_DER_cert(CERTIFICATE), "is in DER form: convert it to PEM with `openssl"),
        (b"-----BEGIN PRIVATE KEY-----\nhush\n", "is a private key: name the file with the cert"),
        (b"-----BEGIN EC PRIVATE KEY-----\nhush\n", "is a private key"),
        (b"junk", "is not a PEM file of certificates"),
        (b"", "is not a PEM file of certificates"),
        (None, "cannot be read: No such file"),
    ],
)
def test_another_file_is_told_apart(content: bytes | None, words: str, tmp_path: Path) -> None:
    """ "Not a PEM file" sends people in circles who hold the right certificate in another form."""
    path = tmp_path / "ca.crt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=f"REQUESTS_CA_BUNDLE .*ca.crt {words}") as caught:
        trusted_certificates(None, {"REQUESTS_CA_BUNDLE": str(path)})
    assert "hush" not in str(caught.value)


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
    "proxy",
    [
        "socks5://user:hush@p:1",
        "http://",
        "http://user:hush@p:x",
        "http://[p",
        "http://http://user:hush@p:1",
        "http://p q:1",
    ],
)
def test_a_proxy_that_cannot_be_used_is_one_sentence(proxy: str) -> None:
    """Otherwise every request fails, and the message would quote the proxy's password."""
    with pytest.raises(SettingsError, match="HTTPS_PROXY") as caught:
        find_proxy(API, proxies={"https": proxy}, bypass=nowhere)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "proxy"),
    [
        ({}, None),
        ({"proxy_host": "p"}, "http://p"),
        ({"proxy_host": "p", "proxy_port": "8443", "proxy_protocol": "https"}, "https://p:8443"),
        (
            {"proxy_host": "p", "proxy_username": "a@b", "proxy_password": "c/d"},
            "http://a%40b:c%2Fd@p",
        ),
    ],
)
def test_the_proxy_of_the_profile_is_used(parts: dict[str, str], proxy: str | None) -> None:
    """`gc profiles new` asks for it, so whoever has one has it there."""
    assert named_proxy(parts, PROFILE_PROXY, place="profile 'A'") == proxy


def test_the_proxy_of_the_provider_is_used() -> None:
    """CX as Code reads these variables, in the same shells and pipelines."""
    parts = {"GENESYSCLOUD_PROXY_HOST": "p", "GENESYSCLOUD_PROXY_PORT": "1"}
    proxy = named_proxy(parts, ENVIRONMENT_PROXY, place="the environment")
    assert proxy == "http://p:1"
    assert find_proxy(API, named=proxy, proxies={"https": "http://q:2"}) == proxy
    assert find_proxy("http://127.0.0.1:8080", named=proxy) is None


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"proxy_port": "1"}, "sets proxy_port and no proxy_host"),
        ({"proxy_host": "p", "proxy_port": "x"}, "proxy_host in profile 'A' is not a URL"),
        ({"proxy_host": "p", "proxy_protocol": "socks5"}, "SOCKS is not supported"),
        ({"proxy_host": "p", "proxy_port": "x", "proxy_password": "hush"}, "is not a URL"),
        ({"proxy_host": "http://p", "proxy_port": "1"}, "not the name of a host: write that alone"),
        ({"proxy_host": "hush@p"}, "not the name of a host"),
        ({"proxy_host": "p q"}, "not the name of a host"),
    ],
)
def test_parts_that_make_no_proxy_are_refused_in_words(parts: dict[str, str], words: str) -> None:
    """To go round it in silence would be what the proxy is there to prevent."""
    with pytest.raises(SettingsError, match=words) as caught:
        named_proxy(parts, PROFILE_PROXY, place="profile 'A'")
    assert "hush" not in str(caught.value)
