"""The checks of `doctor` before anything is sent: what this machine has been told."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import urlsplit

from batchpatch.errors import BatchpatchError, as_typed
from batchpatch.genesys.account.credentials import AccessToken
from batchpatch.genesys.account.regions import region_of
from batchpatch.genesys.network import find_proxy, named_certificates, trusted_certificates
from batchpatch.writes.registry import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchpatch.genesys.account.credentials import Account


class Finding(NamedTuple):
    """What one check has found."""

    check: str
    state: Literal["ok", "problem", "untested"]
    text: str
    """In a sentence; holds no secret."""
    mend: str = ""
    """Of a problem: where it is mended, and how."""


def check_settings(account: Account, ca_file: str | None, env: Mapping[str, str]) -> list[Finding]:
    """What this machine has been told."""
    return [
        check_credentials(account),
        Finding("region", "ok", _region(account)),
        check_proxy(account),
        check_certificates(account, ca_file, env),
    ]


def check_credentials(account: Account) -> Finding:
    """Where they come from."""
    ready = isinstance(account.credentials, AccessToken)
    what = "an access token" if ready else "an OAuth client's id and secret"
    return Finding("credentials", "ok", f"{what} from {account.origin}")


def _region(account: Account) -> str:
    api_url, login_url = account.hosts
    return f"{region_of(api_url)}: requests go to {api_url}, tokens come from {login_url}"


def check_proxy(account: Account) -> Finding:
    """Which is used, without its user and password."""
    named = None if account.proxy is None else account.proxy.reveal()
    try:
        used = [find_proxy(url, named=named) for url in account.hosts]
    except BatchpatchError as error:
        return Finding("proxy", "problem", str(error))
    shown = [_bare(proxy) for proxy in used]
    if shown[0] == shown[1]:
        return Finding("proxy", "ok", shown[0])
    return Finding("proxy", "ok", f"{shown[0]} for requests, {shown[1]} for tokens")


def _bare(proxy: str | None) -> str:
    if proxy is None:
        return "none"
    parts = urlsplit(proxy)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def check_certificates(account: Account, ca_file: str | None, env: Mapping[str, str]) -> Finding:
    """The certificates that are trusted."""
    if all(url.startswith("http:") for url in account.hosts):
        return Finding("certificates", "ok", "none are needed: plain http on this machine")
    try:
        trusted_certificates(ca_file, env)
    except BatchpatchError as error:
        return Finding("certificates", "problem", str(error))
    told = {name: env[name] for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if env.get(name)}
    for name, path in told.items():
        if not Path(path).exists():  # OpenSSL says nothing of it, and trusts nobody
            told_wrong = f"{name} names {as_typed(path)}, which is not there"
            return Finding("certificates", "problem", told_wrong, f"On this machine: unset {name}.")
    paths = ssl.get_default_verify_paths()
    usual = f"the system's own ({paths.cafile or paths.capath or 'none were found'})"
    places = [f"{as_typed(path)} of {name}" for name, path in told.items()] or [usual]
    if named := named_certificates(ca_file, env):
        places.append(f"{as_typed(named[1])} of {named[0]}")
    return Finding("certificates", "ok", ", and ".join(places))


def open_questions() -> list[Finding]:
    """What only a write can show."""
    asked = []
    for kind in KINDS.values():
        permission = kind.find_route(None).permission
        needs = f"needs {permission}" if permission else "asks for no permission"
        asked.append(f"{kind.name}: {needs}")
    text = f"only a write shows it, such as run --limit 1 --verify ({'; '.join(asked)})"
    return [Finding("writing", "untested", text)]
