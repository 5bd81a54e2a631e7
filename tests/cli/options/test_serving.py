"""Who may reach a service: decided before anything listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batchpatch.cli.options.serving import ListenFlags
from batchpatch.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


def secret_file(path: Path, text: str, mode: int = 0o600) -> Path:
    """A file that holds a secret."""
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "this.host.example"])  # noqa: S104
def test_another_address_needs_tls_and_a_secret(host: str, tmp_path: Path) -> None:
    """Without one of them whoever is in the network could write, or read along."""
    file = secret_file(tmp_path / "secret", "s" * 32)
    with pytest.raises(SettingsError, match="--tls-cert and --tls-key and --secret-file"):
        ListenFlags(host=host).check()
    with pytest.raises(SettingsError, match="add --tls-cert and --tls-key, or"):
        ListenFlags(host=host, secret_file=file).check()
    with pytest.raises(SettingsError, match="add --secret-file, or"):
        ListenFlags(host=host, tls_cert=file, tls_key=file).check()
    ListenFlags(host=host, tls_cert=file, tls_key=file, secret_file=file).check()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_needs_none(host: str) -> None:
    """The usual case has no key to lose."""
    ListenFlags(host=host).check()


def test_half_of_a_certificate_is_none() -> None:
    """Listening without TLS would be the other way to read it."""
    with pytest.raises(SettingsError, match="go together"):
        ListenFlags(tls_key="key.pem").check()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("", 0o600, "holds nothing"),
        (" \n", 0o600, "holds nothing"),
        ("s3cr3t", 0o600, "too short"),
        ("s" * 32, 0o644, "readable by everybody"),
        ("two words in a line of it", 0o600, "more than one word"),
    ],
)
def test_a_secret_that_is_none_is_refused(text: str, mode: int, words: str, tmp_path: Path) -> None:
    """A service that trusts an empty or a public secret is open, and looks closed."""
    file = secret_file(tmp_path / "secret", text, mode)
    with pytest.raises(SettingsError, match=words) as refused:
        ListenFlags(secret_file=file).secret()
    assert not text.strip() or text.strip() not in str(refused.value)


def test_a_secret_may_end_with_a_newline(tmp_path: Path) -> None:
    """Editors and `openssl rand` write one."""
    file = secret_file(tmp_path / "secret", "s" * 32 + "\n")
    assert ListenFlags(secret_file=file).secret() == b"s" * 32


def test_files_that_are_no_certificate_are_named(tmp_path: Path) -> None:
    """The library's own words are about a PEM library."""
    file = secret_file(tmp_path / "cert.pem", "nothing")
    with pytest.raises(SettingsError, match=r"cert\.pem.*belong together"):
        ListenFlags(tls_cert=file, tls_key=file).tls()
    with pytest.raises(SettingsError, match="No such file"):
        ListenFlags(tls_cert=tmp_path / "no", tls_key=file).tls()
