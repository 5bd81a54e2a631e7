"""Regions, and the two base URLs that follow from one.

Pure: text in, `Hosts` or a `SettingsError` out. A token goes to these two hosts and nowhere else,
so what an explicit URL may look like is decided here, strictly, before any parser downstream
gets to have an opinion of its own.
"""

from __future__ import annotations

import ipaddress
import re
from difflib import get_close_matches
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from batchpatch.errors import SettingsError

REGIONS: dict[str, str] = {
    "us-east-1": "mypurecloud.com",
    "us-east-2": "use2.us-gov-pure.cloud",
    "us-west-2": "usw2.pure.cloud",
    "ca-central-1": "cac1.pure.cloud",
    "sa-east-1": "sae1.pure.cloud",
    "mx-central-1": "mxc1.pure.cloud",
    "eu-west-1": "mypurecloud.ie",
    "eu-west-2": "euw2.pure.cloud",
    "eu-central-1": "mypurecloud.de",
    "eu-central-2": "euc2.pure.cloud",
    "eusc-de-east-1": "edee1.eusc-pure.cloud",
    "me-central-1": "mec1.pure.cloud",
    "ap-south-1": "aps1.pure.cloud",
    "ap-southeast-1": "apse1.pure.cloud",
    "ap-southeast-2": "mypurecloud.com.au",
    "ap-northeast-1": "mypurecloud.jp",
    "ap-northeast-2": "apne2.pure.cloud",
    "ap-northeast-3": "apne3.pure.cloud",
}
"""AWS name to domain, as in the official SDK and the vendor's page on regions."""

_DOMAINS = frozenset(REGIONS.values())
_PREFIXES = ("api.", "login.", "apps.")
_ALIKE = 0.8
"""A typo is closer than this; what is farther away is another word."""
_MOST_MEANT = 2
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
# urlsplit() drops tabs and newlines, and browsers read a backslash as a slash: neither gets by.
_PLAIN_URL = re.compile(r"[!-\[\]-~]+")


class Hosts(NamedTuple):
    """The two base URLs, each without a slash at the end."""

    api_url: str
    """Such as `https://api.mypurecloud.ie`; gets the requests and the bearer token."""
    login_url: str
    """Such as `https://login.mypurecloud.ie`; gets the client's id and secret."""


def find_hosts(
    region: str | None, *, api_url: str | None = None, login_url: str | None = None
) -> Hosts:
    """Return the base URLs for a region, or for URLs that were given explicitly.

    `region` is an AWS name (`eu-west-1`) or a domain (`mypurecloud.ie`), in any case; a URL or
    host name of that region (`https://apps.mypurecloud.ie/...`) will do. An `api_url` given
    explicitly stands for itself: the region is then not looked at, so that a run against a local
    sandbox cannot send a secret to the real login host because a variable was left set.

    Raises `SettingsError` for an unknown region, none at all, or a URL that cannot be trusted.
    """
    if api_url is not None:
        api = _checked_url(api_url, option="--api-url")
        login = _login_for(api) if login_url is None else _checked_url(login_url, "--login-url")
        return Hosts(api, login)
    domain = _find_domain(region)
    login = f"https://login.{domain}"
    if login_url is not None:
        login = _checked_url(login_url, option="--login-url")
    return Hosts(usual_api_url(domain), login)


def hosts_again(api_url: str, login_url: str | None, *, region: str | None) -> Hosts:
    """Return the hosts that an earlier run recorded, where they may be used without being named.

    A run's directory may come from anybody, and the client's secret goes where its `run.json`
    says. So a host of the platform will do, unless the environment is set for another region; and
    this machine, to which only a sandbox's own credentials are sent (see `is_loopback`). Whatever
    else it names has to be named again, by whoever has the secret.

    Args:
        api_url: as recorded.
        login_url: as recorded; None is the one that belongs to `api_url`.
        region: what the environment or the profile is set for; None where it is not.

    Raises:
        SettingsError: with the flag to give.
    """
    api = _checked_url(api_url, option="--api-url")
    login = _login_for(api) if login_url is None else _checked_url(login_url, "--login-url")
    if is_loopback(api) and is_loopback(login):
        return Hosts(api, login)
    domain = api.removeprefix("https://api.")
    if domain not in _DOMAINS or login != f"https://login.{domain}":
        flags = f"--api-url {api} --login-url {login}"
        raise SettingsError(
            f"The run was for {api} and {login}, which is no region of the platform: credentials"
            f" go there only where you say so; if you trust these hosts, pass {flags}."
        )
    if region is not None and (here := _find_domain(region)) != domain:
        raise SettingsError(
            f"The run was for the region {domain}, and the environment is set for {here}: pass"
            f" --region {domain}, with credentials of that region."
        )
    return Hosts(api, login)


def region_of(api_url: str) -> str:
    """Return the domain of the region that an API's URL belongs to, for plans to name.

    `sandbox` stands for this machine, whatever the port.
    """
    if is_loopback(api_url):
        return "sandbox"
    return (urlsplit(api_url).hostname or api_url).removeprefix("api.")


def usual_api_url(region: str) -> str:
    """Return the URL of the API of a region's domain, where nothing stands in front of it."""
    return f"https://api.{region}"


def is_loopback(url: str) -> bool:
    """Tell whether a URL names this machine: 127.0.0.0/8, ::1 or localhost."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return _is_loopback_host(host)


def _find_domain(region: str | None) -> str:
    if region is None or not region.strip():
        raise SettingsError(
            "No region is set: set GENESYSCLOUD_REGION or pass --region, as an AWS name"
            " (eu-west-1) or a domain (mypurecloud.ie)."
        )
    name = region.strip().lower()
    name = name.removeprefix("https://").removeprefix("http://").split("/", 1)[0]
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    if name in _DOMAINS:
        return name
    # The SDK spells the AWS names with underscores.
    domain = REGIONS.get(name.replace("_", "-"))
    if domain is None:
        raise SettingsError(
            f"{region.strip()[:60]!r} is not a region of Genesys Cloud that batchpatch knows:"
            f" {_advice(name)} Any other host needs --api-url and --login-url."
        )
    return domain


def _advice(name: str) -> str:
    """What may be meant by a name of no region."""
    shown = {aws: f"{aws} ({domain})" for aws, domain in REGIONS.items()}
    words = shown | {domain: shown[aws] for aws, domain in REGIONS.items()}
    near = get_close_matches(name.replace("_", "-"), words, _MOST_MEANT, _ALIKE)
    if near:
        return f"did you mean {' or '.join(dict.fromkeys(words[one] for one in near))}?"
    return f"known are {', '.join(shown.values())}."


def _checked_url(url: str, option: str) -> str:
    """Return the URL without a slash at its end; refuse what a token must not be sent to."""
    parts = _split(url.strip(), option)
    if parts.username is not None or parts.password is not None:
        raise SettingsError(f"{option} must not hold a user name or password.")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise SettingsError(f"{option} is a base URL: leave out what follows '?' or '#'.")
    host = parts.hostname or ""
    if not (_HOST.fullmatch(host) or _is_ip(host)):
        raise SettingsError(f"{option} needs a host name, such as https://api.mypurecloud.ie.")
    if parts.scheme == "http" and not _is_loopback_host(host):
        raise SettingsError(
            f"{option} must begin with https://; plain http is for this machine only"
            " (localhost, 127.0.0.1, [::1]), because the token would travel in the clear."
        )
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def _split(url: str, option: str) -> SplitResult:
    if not _PLAIN_URL.fullmatch(url):
        raise SettingsError(f"{option} must be a plain URL, such as https://api.mypurecloud.ie.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SettingsError(f"{option} is not a URL: its host or port cannot be read.") from None
    if parts.scheme not in ("http", "https") or port == 0:
        raise SettingsError(f"{option} must begin with https:// and name a host.")
    return parts


def _login_for(api_url: str) -> str:
    if is_loopback(api_url):
        return api_url
    netloc = urlsplit(api_url).netloc
    if not netloc.startswith("api."):
        raise SettingsError(
            "--api-url does not begin with https://api., so the login host cannot be derived:"
            " pass --login-url as well."
        )
    return f"https://login.{netloc.removeprefix('api.')}"


def _is_loopback_host(host: str) -> bool:
    return host == "localhost" or (_is_ip(host) and ipaddress.ip_address(host).is_loopback)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host
