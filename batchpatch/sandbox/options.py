"""Options: what a sandbox can be told to do. Imports no aiohttp."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from batchpatch.sandbox.conversations import is_uuid
from batchpatch.sandbox.windows import ROUNDINGS, WINDOW_MODELS

if TYPE_CHECKING:
    from batchpatch.sandbox.faults import Fault
    from batchpatch.sandbox.windows import AllowedChange, Rounding, WindowModel

PERMISSIONS = (
    "conversation:communication:view",
    "analytics:conversationDetail:view",
    "conversation:participant:wrapup",
    "routing:wrapupCode:view",
    "routing:queue:view",
)
"""What a token can lack."""
READ_PERMISSIONS = {
    "conversation": "conversation:communication:view",
    "analytics": "analytics:conversationDetail:view",
}
"""What can be read, and the permission that it takes. Writing attributes takes none."""
EndedWrapup = Literal["accept", "refuse"]
"""What becomes of a wrap-up code for a conversation that has ended; the platform's is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """The behaviour of one sandbox. Raises ValueError, one sentence, for a value out of range."""

    port: int = 0
    """TCP port on 127.0.0.1; 0 picks a free one."""
    client_id: str | None = None
    """The only OAuth client id that may mint; None accepts any that is not empty."""
    client_secret: str | None = field(default=None, repr=False)
    """The only OAuth client secret that may mint; None accepts any that is not empty."""
    expires_in_s: float = 86400
    """Life of a minted token, in seconds; 0 makes tokens that have expired when they arrive."""
    accept_token: str | None = field(default=None, repr=False)
    """A ready access token that is accepted from the start and does not expire."""
    revoke_after: int | None = None
    """The first token (`accept_token` where given) is refused after this many API requests."""
    mint_throttle: int = 0
    """The first so many mints are answered with the token endpoint's own throttle."""
    allowed: int | None = None
    """Requests per window and token; None sets no limit."""
    rate_window_s: float = 60
    """Length of a rate-limit window, in seconds."""
    window_model: WindowModel = "grid"
    """When a window begins, see `WindowModel`."""
    reset_rounding: Rounding = "nearest"
    """How the seconds left become whole, in the header and in Retry-After."""
    foreign_per_s: float = 0.0
    """Requests a second that others send on every token, from its first request on."""
    allowed_changes: tuple[AllowedChange, ...] = ()
    """When `allowed` becomes another, see `parse_allowed_change`; needs `allowed`."""
    org_allowed: int | None = None
    """Requests per window of all tokens together; None sets no such limit."""
    org_window_s: float = 60
    """Length of a window of that limit, in seconds; they follow each other, used or not."""
    headers_on_429: bool = False
    """Send the inin-ratelimit headers with a 429 too; the platform often does not."""
    strict: bool = False
    """Answer 404 for what was not made known, instead of adopting it."""
    ended: float = 0.0
    """Share (0 to 1) of the adopted conversations that have ended."""
    analytics_unknown: float = 0.0
    """Share (0 to 1) of the conversations that analytics does not know."""
    analytics_max_ids: int = 100
    """Most ids that one request to analytics may name."""
    apply_delay_s: float = 0.0
    """Seconds from accepting a write until it can be read."""
    deny_reads: frozenset[str] = frozenset()
    """Reads that the tokens have no permission for, see `parse_deny_reads`."""
    deny: frozenset[str] = frozenset()
    """Permissions that the tokens do not have, see `PERMISSIONS`."""
    ended_wrapup: EndedWrapup = "accept"
    organization_id: str = "5a7d6b1e-0c52-4a39-9f4e-1f2d3c4b5a69"
    """The organisation that every token belongs to, a UUID."""
    organization_name: str = "Sandbox"
    faults: tuple[Fault, ...] = ()
    """What goes wrong, see `parse_fault`."""
    seed: int = 0
    """Decides, with participant and attempt number, which requests a fault hits; with the
    conversation's id, which have ended and which analytics does not know."""
    log_writes: int = 100_000
    """How many of the newest writes the log keeps; 0 keeps none."""

    def __post_init__(self) -> None:
        _require(0 <= self.port <= 65535, "port must be from 0 to 65535", self.port)
        life_s = self.expires_in_s
        _require(0 <= life_s < math.inf, "expires_in_s must be 0 or more", life_s)
        for name in ("rate_window_s", "org_window_s"):
            length_s = getattr(self, name)
            _require(0 < length_s < math.inf, f"{name} must be above 0", length_s)
        _require(self.mint_throttle >= 0, "mint_throttle must be 0 or more", self.mint_throttle)
        _require(self.log_writes >= 0, "log_writes must be 0 or more", self.log_writes)
        self._check_windows()
        self._check_conversations()
        for name in ("allowed", "org_allowed", "revoke_after"):
            value = getattr(self, name)
            _require(value is None or value >= 1, f"{name} must be 1 or more", value)
        for name in ("client_id", "client_secret", "accept_token", "organization_name"):
            _require(getattr(self, name) != "", f"{name} must not be empty", "an empty text")

    def lacks(self, permission: str) -> bool:
        """True where the tokens do not have a permission."""
        return permission in self.deny or any(
            READ_PERMISSIONS[read] == permission for read in self.deny_reads
        )

    def _check_windows(self) -> None:
        model, rounding, per_s = self.window_model, self.reset_rounding, self.foreign_per_s
        _require(model in WINDOW_MODELS, f"window_model must be of {WINDOW_MODELS}", model)
        _require(rounding in ROUNDINGS, f"reset_rounding must be of {ROUNDINGS}", rounding)
        # More than that would only keep the sandbox busy with counting.
        _require(0 <= per_s <= 1000, "foreign_per_s must be from 0 to 1000", per_s)
        changes = self.allowed_changes
        _require(not changes or self.allowed is not None, "allowed_changes need allowed", changes)

    def _check_conversations(self) -> None:
        for name in ("ended", "analytics_unknown"):
            share = getattr(self, name)
            _require(0 <= share <= 1, f"{name} must be from 0 to 1", share)
        # The line of a request that names more would be longer than the server reads.
        most, delay_s = self.analytics_max_ids, self.apply_delay_s
        _require(1 <= most <= 1000, "analytics_max_ids must be from 1 to 1000", most)
        _require(0 <= delay_s <= 3600, "apply_delay_s must be from 0 to 3600", delay_s)
        owner = self.organization_id
        _require(is_uuid(owner), "organization_id must be a UUID", owner)
        _check_deny_reads(self.deny_reads)
        for name in sorted(self.deny - set(PERMISSIONS)):
            raise ValueError(f"deny must be of {', '.join(PERMISSIONS)}, not {name!r}.")
        _require(
            self.ended_wrapup in get_args(EndedWrapup),
            "ended_wrapup must be accept or refuse",
            self.ended_wrapup,
        )


def _require(condition: bool, rule: str, value: object) -> None:
    if not condition:
        raise ValueError(f"{rule}, not {value}.")


def parse_deny_reads(text: str) -> frozenset[str]:
    """Read `conversation,analytics`, or one of them. Raises ValueError, one sentence."""
    reads = frozenset(part.strip() for part in text.split(","))
    _check_deny_reads(reads)
    return reads


def _check_deny_reads(reads: frozenset[str]) -> None:
    """Raise ValueError, one sentence, for a read that there is not."""
    for read in sorted(reads - READ_PERMISSIONS.keys()):
        raise ValueError(f"deny_reads must be of {', '.join(READ_PERMISSIONS)}, not {read!r}.")
