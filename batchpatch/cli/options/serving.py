"""The flags of a service: where it listens, who may come in, how much may wait."""

from __future__ import annotations

import ipaddress
import os
import stat
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from batchpatch.cli.options.declare import Options, flag
from batchpatch.cli.options.reporting import RecordFlags
from batchpatch.errors import SettingsError, as_typed, why_unreadable
from batchpatch.options.spelling import parse_path, parse_text, parse_whole

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

_LEAST_SECRET = 16


@dataclass(frozen=True, kw_only=True)
class ListenFlags(Options):
    """Where it listens, and to whom."""

    TITLE: ClassVar[str] = "Where it listens, and to whom"

    port: int = flag(
        "--port",
        "0 picks a free one.",
        default=8765,
        metavar="N",
        parse=partial(parse_whole, most=65535),
        shown="8765",
        everyday=True,
    )
    host: str = flag(
        "--host",
        "Address to listen on. Others than this machine's own need TLS and a secret.",
        default="127.0.0.1",
        metavar="ADDRESS",
        parse=parse_text,
        shown="127.0.0.1",
        everyday="Others than 127.0.0.1 need TLS and a secret.",
    )
    secret_file: Path | None = flag(
        "--secret-file",
        "Holds what callers send as `Authorization: Bearer ...`; not to be readable by everybody.",
        metavar="FILE",
        parse=parse_path,
    )
    tls_cert: Path | None = flag(
        "--tls-cert", "Certificate chain, PEM.", metavar="FILE", parse=parse_path
    )
    tls_key: Path | None = flag("--tls-key", "Its key, PEM.", metavar="FILE", parse=parse_path)
    queue: int = flag(
        "--queue",
        "Rows that wait for their results, at most: then more are answered with 429.",
        default=10_000,
        metavar="ROWS",
        parse=partial(parse_whole, least=1),
        shown="10000",
    )

    def check(self) -> None:
        """Raise SettingsError where the flags do not go together."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise SettingsError("--tls-cert and --tls-key go together: give both, or none.")
        if _is_loopback(self.host):
            return
        needed = {"--tls-cert and --tls-key": self.tls_cert, "--secret-file": self.secret_file}
        if missing := [name for name, given in needed.items() if given is None]:
            raise SettingsError(
                f"--host {self.host} can be reached from elsewhere, so it needs TLS and a secret: "
                f"add {' and '.join(missing)}, or leave out --host."
            )

    def secret(self) -> bytes | None:
        """What callers have to bear; None asks for none.

        Raises:
            SettingsError: the file cannot be read, is readable by everybody, or holds no secret.
        """
        return None if self.secret_file is None else _read_secret(self.secret_file)

    def tls(self) -> ssl.SSLContext | None:
        """How connections are encrypted; None leaves them plain.

        Raises:
            SettingsError: the files cannot be used.
        """
        if self.tls_cert is None or self.tls_key is None:
            return None
        import ssl  # noqa: PLC0415 - not for --help

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            # Without a password it would be asked for on the terminal.
            context.load_cert_chain(self.tls_cert, self.tls_key, password="")
        except (OSError, ValueError) as error:
            reason = (
                getattr(error, "reason", None) or getattr(error, "strerror", None) or "unusable"
            )
            raise SettingsError(
                f"--tls-cert {self.tls_cert} and --tls-key {self.tls_key} cannot be used "
                f"({reason}): they are PEM files that belong together, the key without a password."
            ) from None
        return context


@dataclass(frozen=True, kw_only=True)
class ServiceRecordFlags(Options):
    """Where the report goes."""

    TITLE: ClassVar[str] = RecordFlags.TITLE

    record: Path | None = flag(
        "--record",
        "Directory for a report as of a run, new or empty; it holds values, and grows.",
        metavar="DIR",
        parse=parse_path,
        everyday="Directory for a report, new or empty.",
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read_secret(path: Path) -> bytes:
    named = f"--secret-file {as_typed(path)}"
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            secret = file.read(1 << 16).strip()
    except OSError as error:
        raise SettingsError(f"{named} cannot be read: {why_unreadable(error)}.") from None
    if os.name == "posix" and mode & stat.S_IROTH:
        raise SettingsError(
            f"{named} is readable by everybody on this machine: `chmod o-rwx {as_typed(path)}`."
        )
    if len(secret) < _LEAST_SECRET:
        raise SettingsError(
            f"{named} holds {'nothing' if not secret else 'too short a secret'}: "
            f"put {_LEAST_SECRET} characters or more there, such as from `openssl rand -hex 32`."
        )
    if not all(0x21 <= byte <= 0x7E for byte in secret):
        raise SettingsError(
            f"{named} holds more than one word of ASCII: a header could not bear it."
        )
    return secret
