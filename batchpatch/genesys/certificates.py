"""Certificates: whom to trust beside the system's, where a proxy inspects TLS."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from batchpatch.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping


BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables of other tools that name a file, or a folder, of certificates. OpenSSL itself reads
`SSL_CERT_FILE` and `SSL_CERT_DIR`."""


def trusted_certificates(ca_file: str | None, env: Mapping[str, str]) -> ssl.SSLContext | bool:
    """Return what a connection is verified by; True is the system's own.

    Args:
        ca_file: as `--ca-file` names it; goes before the environment.
        env: the environment.

    Raises:
        SettingsError: a file that is named cannot be used, with what it is instead.
    """
    named = next(((name, value) for name in BUNDLES if (value := env.get(name, "").strip())), None)
    if ca_file is not None:
        named = ("--ca-file", ca_file)
    if named is None:
        return True
    return _context(*named)


def _context(origin: str, path: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        if Path(path).is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise SettingsError(f"{origin} {path} {_flaw(path)}.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise SettingsError(f"{origin} {path} cannot be read: {reason}.") from None
    return context


def _flaw(path: str) -> str:
    """What a file is that OpenSSL takes no certificates from."""
    try:
        head = Path(path).read_bytes()[:65_536]
    except OSError:
        head = b""
    if b"PRIVATE KEY-----" in head and b"BEGIN CERTIFICATE" not in head:
        return "is a private key: name the file with the certificates, and keep the key to yourself"
    if head[:1] == b"\x30":  # an ASN.1 sequence
        return (
            "is in DER form: convert it to PEM with"
            " `openssl x509 -inform der -in FILE -out FILE.pem`"
        )
    return "is not a PEM file of certificates"
