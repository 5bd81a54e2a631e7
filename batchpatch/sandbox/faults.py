"""Faults: what may go wrong, and the text in which a user asks for it.

`status=503,rate=0.1` reads: one request in ten is answered 503. The keys:

- `status=400..599`, or `kind=` with one of `latency`, `reset_before`, `reset_after`, `late`,
  `drop`, `html`, `malformed`, `empty`, `429`, `bare_429`. The bodies `html`, `malformed` and
  `empty` take `status=200..599`: `kind=html,status=200` is a proxy's sign-in page.
- `on=patch` (default: every write), `on=read` (conversations, analytics, wrap-up and its codes),
  `on=any` (both) or `on=token` (the token endpoint, in its own shape of errors): what is hit.
  `reset_after`, `late` and `drop` are about writes, and so is `participant=`.
- `rate=0..1`: share of the requests that are hit (default 1).
- `participant=UUID`, `conversation=UUID`: hit these only.
- `times=1..3`: at most so many faults in a row for one participant (default 3). `times=always`
  lifts that, and then the participant alone decides: it is hit at every attempt, or at none.
  Of reads, what is read stands in for the participant: a conversation, or a set of them; the token
  endpoint is one.
- `ms=`: how slow `latency` is, or how late the write of `late` is applied.
- `retry_after=SECONDS|none`: the Retry-After of a 429 (default 1) or a 503 (default none), up to a
  day. `bare_429` is a 429 that says nothing of the time: no Retry-After, no seconds in its message
  and no headers of the rate limit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, get_args

from batchpatch.sandbox.conversations import is_uuid

MAX_IN_A_ROW = 3
"""No participant fails more often than this in a row, unless the fault says `times=always`."""


class FaultKind(StrEnum):
    """How a request goes wrong."""

    STATUS = "status"
    """An error envelope with the fault's status."""
    LATENCY = "latency"
    """The request is handled `ms` later; whatever else hits it still does."""
    RESET_BEFORE = "reset_before"
    """The connection is reset; nothing was applied."""
    RESET_AFTER = "reset_after"
    """The write is applied, then the connection is reset."""
    LATE = "late"
    """The connection is reset, and the write is applied `ms` later all the same."""
    DROP = "drop"
    """The write is accepted and never applied."""
    HTML = "html"
    """An HTML page with a sign-in title and no header of the platform, as a proxy sends it."""
    MALFORMED = "malformed"
    """An error whose JSON is cut off."""
    EMPTY = "empty"
    """An answer without a body."""
    BARE_429 = "bare_429"
    """A 429 that says nothing of the time to wait."""


FaultOn = Literal["patch", "read", "any", "token"]
"""What a fault hits: writes, reads, both of these, or the token endpoint."""

_ONS: tuple[FaultOn, ...] = get_args(FaultOn)
_OF_WRITES = {FaultKind.RESET_AFTER, FaultKind.LATE, FaultKind.DROP}
_BODIES = {FaultKind.HTML, FaultKind.MALFORMED, FaultKind.EMPTY}
_WITH_STATUS = {*_BODIES, FaultKind.STATUS}
# Answers that HTTP gives no body.
_BODILESS = (204, 205, 304)
_WITH_MS = {FaultKind.LATENCY, FaultKind.LATE}
_KEYS = (
    "status",
    "kind",
    "on",
    "rate",
    "participant",
    "conversation",
    "times",
    "ms",
    "retry_after",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One rule. `parse_fault` makes it from text and is where values are checked."""

    kind: FaultKind
    status: int | None = None
    """HTTP status, for the kinds that answer."""
    on: FaultOn = "patch"
    rate: float = 1.0
    """Share of the requests that are hit, 0 to 1."""
    ms: int = 0
    """Milliseconds, for `latency` and `late`."""
    retry_after_s: int | Literal["usual"] | None = "usual"
    """Retry-After of a 429 or 503 in seconds; None leaves it out, "usual" is 1 of a 429 alone."""
    participant_id: str | None = None
    conversation_id: str | None = None
    times: int | None = MAX_IN_A_ROW
    """At most this many in a row for one participant; None sets no bound."""

    @property
    def permanent(self) -> bool:
        """True where the participant (or what is read) decides: all its attempts fare the same."""
        return self.times is None and self.kind is not FaultKind.LATENCY


def parse_fault(text: str) -> Fault:
    """Read a fault from its text. Raises ValueError with one sentence that says what is wrong."""
    pairs = _pairs(text)
    kind, status = _kind_and_status(text, pairs)
    ms = _number(text, pairs, "ms", 0, 3_600_000)
    if (kind in _WITH_MS) != (ms is not None):
        rule = "needs ms=" if ms is None else "takes no ms="
        raise ValueError(f"Fault {text!r}: {kind.value} {rule}.")
    return Fault(
        kind=kind,
        status=status,
        on=_on(text, pairs, kind),
        rate=_rate(text, pairs),
        ms=ms or 0,
        retry_after_s=_retry_after(text, pairs, kind, status),
        participant_id=_uuid(text, pairs, "participant"),
        conversation_id=_uuid(text, pairs, "conversation"),
        times=_times(text, pairs, kind),
    )


def _pairs(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise ValueError(f"Fault {text!r}: {part.strip()!r} is not of the form key=value.")
        if key not in _KEYS:
            raise ValueError(f"Fault {text!r}: unknown key {key!r}, use one of {', '.join(_KEYS)}.")
        if key in pairs:
            raise ValueError(f"Fault {text!r}: {key} is given twice.")
        pairs[key] = value
    return pairs


def _kind_and_status(text: str, pairs: dict[str, str]) -> tuple[FaultKind, int | None]:
    name = pairs.get("kind")
    status = _number(text, pairs, "status", 200 if name in _BODIES else 400, 599)
    if name is None and status is None:
        raise ValueError(f"Fault {text!r}: say what goes wrong with status= or kind=.")
    if name == "429":
        name, status = None, status or 429
        if status != 429:
            raise ValueError(f"Fault {text!r}: kind=429 contradicts status={status}.")
    try:
        kind = FaultKind.STATUS if name is None else FaultKind(name)
    except ValueError:
        known = ", ".join([*(k.value for k in FaultKind if k is not FaultKind.STATUS), "429"])
        raise ValueError(f"Fault {text!r}: unknown kind {name!r}, use one of {known}.") from None
    if kind not in _WITH_STATUS and status is not None:
        raise ValueError(f"Fault {text!r}: {kind.value} takes no status=.")
    if kind is FaultKind.STATUS and status is None:
        raise ValueError(f"Fault {text!r}: kind=status needs status=.")
    if status in _BODILESS and kind is not FaultKind.EMPTY:
        raise ValueError(f"Fault {text!r}: an answer of status {status} has no body.")
    if kind is FaultKind.BARE_429:
        return kind, 429
    return kind, status or (502 if kind in _WITH_STATUS else None)


def _number(
    text: str, pairs: dict[str, str], key: str, low: int, high: int, *, otherwise: str = ""
) -> int | None:
    value = pairs.get(key)
    if value is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
        raise ValueError(
            f"Fault {text!r}: {key} must be a whole number from {low} to {high}{otherwise}, "
            f"not {value!r}."
        )
    return int(value)


def _on(text: str, pairs: dict[str, str], kind: FaultKind) -> FaultOn:
    value = pairs.get("on", "patch")
    on = next((known for known in _ONS if known == value), None)
    if on is None:
        raise ValueError(f"Fault {text!r}: on must be one of {', '.join(_ONS)}, not {value!r}.")
    if on != "patch" and kind in _OF_WRITES:
        raise ValueError(f"Fault {text!r}: {kind.value} is about writes and takes on=patch only.")
    if on == "token" and ("participant" in pairs or "conversation" in pairs):
        raise ValueError(f"Fault {text!r}: the token endpoint knows no participants to aim at.")
    if on != "patch" and "participant" in pairs:
        raise ValueError(f"Fault {text!r}: a read names no participant, aim with conversation=.")
    return on


def _rate(text: str, pairs: dict[str, str]) -> float:
    value = pairs.get("rate", "1")
    if not re.fullmatch(r"[0-9]*\.?[0-9]+|[0-9]+\.", value) or not 0 <= float(value) <= 1:
        raise ValueError(f"Fault {text!r}: rate must be a number from 0 to 1, not {value!r}.")
    return float(value)


def _retry_after(
    text: str, pairs: dict[str, str], kind: FaultKind, status: int | None
) -> int | Literal["usual"] | None:
    value = pairs.get("retry_after")
    if value is None:
        return "usual"
    if status not in (429, 503) or kind not in (FaultKind.STATUS, FaultKind.MALFORMED):
        raise ValueError(f"Fault {text!r}: retry_after goes with status=429 or status=503 only.")
    return None if value == "none" else _number(text, pairs, "retry_after", 0, 86_400)


def _uuid(text: str, pairs: dict[str, str], key: str) -> str | None:
    value = pairs.get(key)
    if value is not None and not is_uuid(value):
        raise ValueError(f"Fault {text!r}: {key} must be a UUID, not {value!r}.")
    return value and value.lower()


def _times(text: str, pairs: dict[str, str], kind: FaultKind) -> int | None:
    value = pairs.get("times")
    # A slow answer is not a refusal: unless asked for, nothing is gained by bounding it.
    if value == "always" or (value is None and kind is FaultKind.LATENCY):
        return None
    times = _number(text, pairs, "times", 1, MAX_IN_A_ROW, otherwise=" or always")
    return MAX_IN_A_ROW if times is None else times
