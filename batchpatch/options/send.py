"""The options of merging, sending and looking: values without behaviour, each with its checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from batchpatch.errors import SettingsError


class Rate(NamedTuple):
    """So many requests per second, on average."""

    per_s: float

    def __str__(self) -> str:
        """Return the shortest usual spelling, which `parse_rate` reads back."""
        for unit, seconds, most in (("min", 60.0, 1000.0), ("s", 1.0, 1e9), ("h", 3600.0, 1e9)):
            count = round(self.per_s * seconds, 6)
            if count.is_integer() and 1 <= count < most:
                return f"{count:.0f}/{unit}"
        return f"{self.per_s * 60:.6f}".rstrip("0").rstrip(".") + "/min"


DEFAULT_RATE = Rate(300 / 60)
"""`client.credentials.token.rate.per.minute` as the platform sets it for every organisation."""
MOST_TOKENS = 50
"""As many as the vendor's Terraform provider mints from one client (`token_pool_size`)."""


class PaceOptions(NamedTuple):
    """How fast a run may go. Where answers bear the server's limit, that is kept besides."""

    rate: Rate | None = None
    """Cap for the whole process; None is none."""
    assumed: Rate | None = DEFAULT_RATE
    """Per token, as long as no answer bears the server's limit; None is no limit."""
    share: float = 1.0
    """Above 0 and up to 1: the part of every window that is used, the rest is left to others."""
    tokens: int = 1
    """From 1 to 50: tokens of the OAuth client to use at once, each with its own allowance."""


DEFAULT_PACE = PaceOptions()


class RetryPolicy(NamedTuple):
    """How patient to be."""

    retries: int = 5
    """Attempts after the first; waiting for a 429 or for a new token uses none."""
    base_s: float = 0.5
    cap_s: float = 30.0
    """The pause before retry n is drawn from 0 to base_s * 2**n, at most cap_s (full jitter)."""
    conflict_pause_s: float = 2.0
    """Before the one repetition after a 409."""
    max_wait_s: float = 180.0
    """A 429 that names a longer wait than this ends the run. The vendor's own clients give up there
    too."""
    renewals: int = 3
    """Rejected tokens for one request: beyond this it is the request that is refused."""


DEFAULT_POLICY = RetryPolicy()


class ConnectOptions(NamedTuple):
    """How to connect."""

    concurrency: int = 32
    """Connections at most, in all."""
    connect_s: float = 10.0
    """For the connection to stand, TLS included."""
    read_s: float = 30.0
    """Between two pieces of an answer."""
    total_s: float = 60.0
    """For the attempt as a whole."""
    ca_file: str | None = None
    """A PEM file of certificates to trust besides the system's."""


DEFAULT_CONNECT = ConnectOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeOptions:
    """Bounds of the window.

    Raises:
        SettingsError: one of them would hold no row.
    """

    window_rows: int = 10_000
    """Rows that may wait, and so the distance within which rows of a participant meet."""
    window_bytes: int = 64 << 20
    """Text that may wait, whichever is reached first."""
    body_bytes: int = 512_000
    """The platform's `request.bytes.max`: a merge that would pass it starts the next patch."""
    live_first: bool = False
    """Conversations known to have ended leave after the others, as far as the window reaches."""

    def __post_init__(self) -> None:
        if min(self.window_rows, self.window_bytes, self.body_bytes) < 1:
            raise SettingsError("--window takes a number of rows, from 1.")


_LONGEST_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """What is read back, and for how long."""

    share: float = 0.0
    """Of the participants: 0 is none, 1 is all, 0.05 a sample."""
    for_s: float = 30.0
    """Seconds after the platform accepted a write in which it has to become readable."""

    def __post_init__(self) -> None:
        if not (0 <= self.share <= 1 and 0 <= self.for_s <= _LONGEST_S):
            raise SettingsError("--verify takes a share up to 100%, and --verify-for up to a day.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Safeguards:
    """Looks at the platform beside the PATCH itself; each is a request of the same quota."""

    guard: bool = False
    """Where a plan expects another value than there is, nothing is sent."""
    skip_unchanged: bool = False
    """What is there already is not sent."""
    keep_before: bool = False
    """The values before are kept, so that the run can be undone; a plan brings its own."""
    verify: VerifyOptions = field(default_factory=VerifyOptions)
    check_choices: bool = False
    """Of a plan: it is read whether participants may be given what rows ask for."""

    @property
    def reads_first(self) -> bool:
        """The participant is read before it is written."""
        return self.guard or self.skip_unchanged or self.keep_before
