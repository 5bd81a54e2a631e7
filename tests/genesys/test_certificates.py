"""Companies inspect TLS, and say whom to trust in several places."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from batchpatch.errors import SettingsError
from batchpatch.genesys.network import BUNDLES, trusted_certificates

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
