"""The network as this machine gives it: certificates, the proxy of a host, and file descriptors.

Proxies are asked for once, at the start: aiohttp's `trust_env` asks the environment again for every
request, in a thread, and reads .netrc besides, where another tool's password may lie for one of our
hosts.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import ssl
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

from batchpatch.errors import SettingsError, as_typed, why_unreadable
from batchpatch.genesys.account.regions import is_loopback
from batchpatch.genesys.replies import NoReply, Reply

if sys.platform != "win32":
    import resource

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

_HOST = re.compile(r"[^\s/@?#\\]+")

BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables of other tools that name a file, or a directory, of certificates. OpenSSL itself reads
`SSL_CERT_FILE` and `SSL_CERT_DIR`."""


def trusted_certificates(ca_file: str | None, env: Mapping[str, str]) -> ssl.SSLContext | bool:
    """Return what a connection is verified by; True is the system's own.

    Args:
        ca_file: as `--ca-file` names it; goes before the environment.
        env: the environment.

    Raises:
        SettingsError: a file that is named cannot be used, with what it is instead.
    """
    named = named_certificates(ca_file, env)
    return True if named is None else _context(*named)


def named_certificates(ca_file: str | None, env: Mapping[str, str]) -> tuple[str, str] | None:
    """Return who names a file of certificates, and which; None where only the system's hold."""
    if ca_file is not None:
        return "--ca-file", ca_file
    return next(((name, value) for name in BUNDLES if (value := env.get(name, "").strip())), None)


def _context(origin: str, path: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        if Path(path).is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise SettingsError(f"{origin} {as_typed(path)} {_flaw(path)}.") from None
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{origin} {as_typed(path)} cannot be read: {why_unreadable(error)}."
        ) from None
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


def find_proxy(
    url: str,
    *,
    named: str | None = None,
    proxies: Mapping[str, str] | None = None,
    bypass: Callable[[str], object] = proxy_bypass,
) -> str | None:
    """Return the URL of the proxy for this base URL; None where there is none.

    One that was `named` for the platform is taken as it is. Else it reads what urllib reads:
    `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, and the system's settings on Windows and
    macOS. This machine is never reached through a proxy: the sandbox's plain http would hand it
    the token. Raises `SettingsError` for a proxy that cannot be used.
    """
    if is_loopback(url):
        return None
    if named is not None:
        return named
    parts = urlsplit(url)
    proxies = getproxies() if proxies is None else proxies
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or bypass(parts.netloc):
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    return _checked(proxy, "HTTPS_PROXY")


class ProxyNames(NamedTuple):
    """What a proxy's parts are called in one place."""

    host: str
    port: str
    protocol: str
    user: str
    password: str


PROFILE_PROXY = ProxyNames(
    "proxy_host", "proxy_port", "proxy_protocol", "proxy_username", "proxy_password"
)
"""Keys of the `gc` CLI's profiles."""

ENVIRONMENT_PROXY = ProxyNames(
    "GENESYSCLOUD_PROXY_HOST",
    "GENESYSCLOUD_PROXY_PORT",
    "GENESYSCLOUD_PROXY_PROTOCOL",
    "GENESYSCLOUD_PROXY_AUTH_USERNAME",
    "GENESYSCLOUD_PROXY_AUTH_PASSWORD",
)
"""Variables of the Terraform provider."""


def named_proxy(values: Mapping[str, str], names: ProxyNames, *, place: str) -> str | None:
    """Return the URL of the proxy that is named part by part; None where no part is.

    Raises `SettingsError` for parts that do not make a proxy, naming those that are there.
    """
    parts = ProxyNames(*((values.get(name) or "").strip() for name in names))
    if not any(parts):
        return None
    if not parts.host:
        there = ", ".join(name for name, part in zip(names, parts, strict=True) if part)
        raise SettingsError(f"{place} sets {there} and no {names.host}: set it, or none of them.")
    if not _HOST.fullmatch(parts.host):
        raise SettingsError(
            f"{names.host} in {place} is not the name of a host: write that alone, such as "
            f"proxy.example.com, and the rest into {names.port} and {names.protocol}."
        )
    user = quote(parts.user, safe="")
    if parts.password:
        user = f"{user}:{quote(parts.password, safe='')}"
    host = f"{user}@{parts.host}" if user else parts.host
    port = f":{parts.port}" if parts.port else ""
    return _checked(f"{parts.protocol or 'http'}://{host}{port}", f"{names.host} in {place}")


def _checked(proxy: str, origin: str) -> str:
    # The URL may hold a password, so the messages leave it out.
    try:
        parts = urlsplit(proxy)
        hosted = bool(_HOST.fullmatch(parts.hostname or "")) and "//" not in parts.path
        usable = parts.scheme in ("http", "https") and hosted and parts.port != 0
    except ValueError:
        raise SettingsError(f"{origin} is not a URL: write http://host:port.") from None
    if not usable:
        raise SettingsError(
            f"{origin} must be an http:// or https:// URL with a host; SOCKS is not supported."
        )
    return proxy


_log = logging.getLogger(__name__)
# The report, the input and what the standard library opens for a moment.
_OWN_FILES = 16
# Where nobody can tell what is open already.
_USUALLY_OPEN = 16
# Between two attempts of ours to get a descriptor.
_PAUSE_S = 0.2

NO_DESCRIPTOR: Reply | NoReply = NoReply(
    "connection", "this process has no file descriptor left (ulimit -n)", sent=False
)
"""What comes of an attempt that got none."""


def affordable_connections(wanted: int) -> int:
    """Return how many of so many connections the limit of open files leaves room for.

    Fewer are said so in a warning: without descriptors a connection fails on this side, and rows
    would be `unknown` for nothing that the platform did.
    """
    if sys.platform == "win32":
        return wanted  # it has no such limit
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return wanted
    found = max(1, min(wanted, most - _open_now() - _OWN_FILES))
    if found < wanted:
        _log.warning(
            "This process may have %d files open (ulimit -n), so only %d of %d connections can be"
            " used: raise that limit if it is too slow.",
            most,
            found,
            wanted,
        )
    return found


def is_out_of_descriptors(error: Exception) -> bool:
    """True where a file could not be opened because this process, or machine, has too many."""
    return isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)


class DescriptorWait:
    """Attempts that wait until another has given its descriptor back. Nothing of them was sent."""

    def __init__(self) -> None:
        self._said = False

    async def attempt(
        self, send: Callable[[], Awaitable[Reply | NoReply]], *, for_s: float
    ) -> Reply | NoReply:
        """Make the attempt as soon as there is a descriptor; `NO_DESCRIPTOR` after that time."""
        if not self._said:
            self._said = True
            _log.warning(
                "No file descriptor is left for a connection (ulimit -n): waiting for one."
            )
        loop = asyncio.get_running_loop()
        until_s, answer = loop.time() + for_s, NO_DESCRIPTOR
        while answer is NO_DESCRIPTOR and loop.time() < until_s:
            await asyncio.sleep(_PAUSE_S)
            answer = await send()
        return answer


def _open_now() -> int:
    for folder in (Path("/proc/self/fd"), Path("/dev/fd")):
        with suppress(OSError):
            return sum(1 for _ in folder.iterdir())
    return _USUALLY_OPEN
