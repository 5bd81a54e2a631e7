"""Access tokens: minting, expiry, revocation, and the rate-limit windows that belong to each."""

from __future__ import annotations

import base64
import binascii
import math
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs

from batchpatch.sandbox.replies import (
    THROTTLED_MINT,
    UNKNOWN_TOKEN,
    Refusal,
    Reply,
    json_reply,
    token_refusal,
    too_many_requests,
)
from batchpatch.sandbox.windows import Allowance, make_windows, whole_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchpatch.sandbox.options import SandboxOptions
    from batchpatch.sandbox.windows import Admission, Rounding, SharedWindows

NAMESPACE = "platform.api"
TOKEN_RATES = ("client.credentials.token.rate.per.minute", "token.rate.per.minute")
_FAILED = "authentication failed"


class Limit(NamedTuple):
    """What a 429 says that it is about."""

    key: str
    namespace: str


TOKEN_LIMIT = Limit(TOKEN_RATES[0], NAMESPACE)
ORGANIZATION_LIMIT = Limit("conversations.requests.rate", "conversations")
"""The limit over all tokens: a service's own, and in no list that can be read."""


@dataclass(slots=True)
class Token:
    """A token that was handed out, expired and revoked ones included."""

    expires_at_s: float
    calls_left: float
    """API requests until it is revoked."""
    client_id: str
    windows: SharedWindows | None

    def revoke(self) -> None:
        """Refuse it from now on."""
        self.calls_left = 0


class TokenBook:
    """All tokens of one sandbox."""

    def __init__(self, options: SandboxOptions, now_s: Callable[[], float]) -> None:
        self._options = options
        self._now_s = now_s
        self._tokens: dict[str, Token] = {}
        self._throttles_left = options.mint_throttle
        self._allowance: Allowance | None = None
        if options.allowed is not None:
            self._allowance = Allowance(options.allowed, options.allowed_changes, start_s=now_s())
        self.minted = 0
        """Tokens minted."""
        self.refused = 0
        """Mints refused, for whatever reason."""
        if options.accept_token is not None:
            self._add(options.accept_token, math.inf, "accepted")

    def mint(self, authorization: str, form: bytes) -> Reply:
        """Answer a request to the token endpoint, given its Authorization header and its body."""
        client_id, secret = _basic(authorization)
        refusal = self._refusal(client_id, secret, form)
        if refusal is not None:
            self.refused += 1
            return refusal
        value = secrets.token_urlsafe(48)
        life_s = self._options.expires_in_s
        self._add(value, self._now_s() + life_s, client_id)
        self.minted += 1
        # Whole seconds are written as the platform writes them.
        expires_in = int(life_s) if life_s == int(life_s) else life_s
        return json_reply(
            200, {"access_token": value, "token_type": "bearer", "expires_in": expires_in}
        )

    def check(self, authorization: str) -> Token:
        """The token of an API request, which is counted; raises the Refusal that it deserves."""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() != "bearer" or not value:
            raise Refusal(401, "authentication.required", "No authentication bearer token.")
        token = self._tokens.get(value.strip())
        if token is None or token.calls_left <= 0:
            raise Refusal(401, *UNKNOWN_TOKEN)
        if token.expires_at_s <= self._now_s():
            raise Refusal(401, "credentials.expired", "The supplied token is expired.")
        token.calls_left -= 1
        return token

    @property
    def allowed(self) -> int | None:
        """Requests that a window of each token admits now; None where there is no limit."""
        return None if self._allowance is None else self._allowance.at(self._now_s())

    def foreign(self) -> tuple[int, int]:
        """The others' requests on all tokens: admitted, refused. Counted up to our own last."""
        shared = [token.windows for token in self._tokens.values() if token.windows is not None]
        return sum(one.admitted for one in shared), sum(one.refused for one in shared)

    def _add(self, value: str, expires_at_s: float, client_id: str) -> None:
        options = self._options
        # Only the first: the one that replaces it must carry the rest of the run.
        calls = math.inf if self._tokens or not options.revoke_after else options.revoke_after
        windows = None
        if self._allowance is not None:
            windows = make_windows(
                options.window_model,
                self._allowance,
                window_s=options.rate_window_s,
                foreign_per_s=options.foreign_per_s,
            )
        self._tokens[value] = Token(expires_at_s, calls, client_id, windows)

    def _refusal(self, client_id: str, secret: str, form: bytes) -> Reply | None:
        options = self._options
        if not client_id or options.client_id not in (None, client_id):
            return token_refusal(400, "invalid_client", "client not found: invalid client id")
        if not secret or options.client_secret not in (None, secret):
            return token_refusal(401, "invalid_client", _FAILED)
        grant_type = parse_qs(form.decode("latin-1")).get("grant_type")
        if grant_type != ["client_credentials"]:
            return token_refusal(400, "unsupported_grant_type", "use client_credentials")
        if self._throttles_left > 0:
            self._throttles_left -= 1
            return token_refusal(400, *THROTTLED_MINT)
        return None


def limit_headers(admission: Admission, rounding: Rounding) -> dict[str, str]:
    """What an answer says of the token's window."""
    reset_s = whole_seconds(admission.left_s, rounding)
    values = {"count": admission.used, "allowed": admission.allowed, "reset": reset_s}
    return {f"inin-ratelimit-{name}": str(value) for name, value in values.items()}


def over_the_limit(limit: Limit, admission: Admission, rounding: Rounding) -> Refusal:
    """The 429 of a request that was not admitted."""
    wait_s = max(1, whole_seconds(admission.left_s, rounding))
    return too_many_requests(wait_s, {**limit._asdict(), "value": admission.allowed})


def _basic(authorization: str) -> tuple[str, str]:
    """Client id and secret of a Basic header; empty where there are none."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    client_id, _, secret = text.partition(":")
    return client_id, secret
