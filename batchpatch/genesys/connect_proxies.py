"""Which proxy a host is reached through, asked once at the start.

aiohttp's `trust_env` asks the environment again for every request, in a thread, and reads .netrc
besides, where another tool's password may lie for one of our hosts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

from batchpatch.errors import SettingsError
from batchpatch.genesys.account.regions import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


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
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise SettingsError(f"{origin} is not a URL: write http://host:port.") from None
    if not usable:
        raise SettingsError(
            f"{origin} must be an http:// or https:// URL with a host; SOCKS is not supported."
        )
    return proxy
