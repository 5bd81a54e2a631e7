"""Which proxy a host is reached through, asked once at the start.

aiohttp's `trust_env` asks the environment again for every request, in a thread, and reads .netrc
besides, where another tool's password may lie for one of our hosts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from batchpatch.errors import SettingsError
from batchpatch.genesys.account.regions import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def find_proxy(
    url: str,
    *,
    proxies: Mapping[str, str] | None = None,
    bypass: Callable[[str], object] = proxy_bypass,
) -> str | None:
    """Return the URL of the proxy for this base URL; None where there is none.

    Reads what urllib reads: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, and the system's
    settings on Windows and macOS. This machine is never reached through a proxy: the sandbox's
    plain http would hand it the token. Raises `SettingsError` for a proxy that cannot be used.
    """
    if is_loopback(url):
        return None
    parts = urlsplit(url)
    proxies = getproxies() if proxies is None else proxies
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or bypass(parts.netloc):
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    return _checked(proxy)


def _checked(proxy: str) -> str:
    # The URL may hold a password, so the messages leave it out.
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise SettingsError("HTTPS_PROXY is not a URL: write http://host:port.") from None
    if not usable:
        raise SettingsError(
            "HTTPS_PROXY must be an http:// or https:// URL with a host; SOCKS is not supported."
        )
    return proxy
