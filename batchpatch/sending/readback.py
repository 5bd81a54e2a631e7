"""What reading back shows, and how that settles a patch. Pure; no text holds a value."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.model import Outcome
from batchpatch.sending.verdicts import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchpatch.genesys.reads import Unread
    from batchpatch.genesys.routes import Route
    from batchpatch.model import Patch, PatchOutcome

_OVERWRITTEN = (
    "A flow or another program may have written it since, or the write was lost:"
    " sending the row again is safe."
)
_OR_THE_ROUTE = " If it is so for every row, this route stores nothing: try --route attributes."
_HASHES = 1 << 64


class Lost(NamedTuple):
    """What is not as it was written."""

    missing: tuple[str, ...]
    """Names of attributes that are not there."""
    differing: tuple[str, ...]
    """Names of attributes that have another value."""
    listed: bool = True
    """The conversation lists the participant."""

    def __str__(self) -> str:
        """In words, by name."""
        if not self.listed:
            return "the conversation does not list the participant"
        parts = (("missing", self.missing), ("differs", self.differing))
        return "; ".join(f"{word}: {listed(names)}" for word, names in parts if names)


def look_for(attributes: Mapping[str, str], present: Mapping[str, str] | None) -> Lost | None:
    """What of these attributes is not there; None where all is as written.

    A blank that was written has to be there as a blank: unlike in comparing, what counts is
    whether this write was stored.

    Args:
        attributes: what was written.
        present: what the participant has; None where the conversation does not list it.
    """
    if present is None:
        return Lost(tuple(attributes), (), listed=False)
    wrong = [name for name, value in attributes.items() if present.get(name) != value]
    if not wrong:
        return None
    return Lost(
        tuple(name for name in wrong if name not in present),
        tuple(name for name in wrong if name in present),
    )


def is_sampled(patch: Patch, share: float) -> bool:
    """True where the patch's participant belongs to a sample of that share, from 0 to 1.

    It is the same sample in every run and every process, so that a resumed run goes on with it.
    """
    if not 0 < share < 1:
        return share >= 1
    who = f"{patch.conversation_id}/{patch.participant_id}".encode()
    return int.from_bytes(blake2b(who, digest_size=8).digest()) < share * _HASHES


def stored(outcome: PatchOutcome) -> PatchOutcome:
    """All that was written was read back."""
    return outcome._replace(verified=True)


def not_stored(outcome: PatchOutcome, lost: Lost, *, after_s: float, route: Route) -> PatchOutcome:
    """It was accepted, and when it was last read back something was not there.

    Args:
        outcome: what the platform answered to the PATCH.
        lost: what was not there.
        after_s: seconds from the acceptance to that read.
        route: the one that was taken.
    """
    hint = route.warning or _OVERWRITTEN
    if route.warning is None and route.name != "attributes":
        hint += _OR_THE_ROUTE
    return outcome._replace(
        outcome=Outcome.NOT_STORED,
        code="not_stored",
        message=f"accepted, but read back {after_s:.0f} s later: {lost}",
        hint=hint,
        verified=False,
    )


def not_read_back(outcome: PatchOutcome, found: Unread) -> PatchOutcome:
    """It was accepted, and no read has shown whether it is stored."""
    return outcome._replace(hint=f"It could not be read back: {found.message}.", verified=None)
