"""The price of a run: how many requests of each kind its rows come to. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from batchpatch.genesys.routes import Route
    from batchpatch.merging.forecast import Forecast
    from batchpatch.writes.kind import WriteKind


class Price(NamedTuple):
    """Requests by what they are for, and of how many participants and conversations they are."""

    participants: int
    conversations: int
    patches: int
    lookups: int
    """That find who is meant."""
    reads: int
    """One of each conversation, or of each participant where the kind of write reads those: what
    `--skip-unchanged` would cost, which is no part of `requests`."""
    choices: int
    """What participants may be given, where that is asked."""
    looks: int
    """Before and after a PATCH."""
    route_reads: int
    """Of conversations, for the communications that a route leads to."""

    @property
    def requests(self) -> int:
        """All of them."""
        return self.patches + self.lookups + self.choices + self.looks + self.route_reads


def price_of(
    forecast: Forecast,
    *,
    most: int,
    kind: WriteKind,
    route: Route | None,
    lookup_batch: int,
    check_choices: bool,
    looks_each: float,
) -> Price:
    """What the rows come to that a forecast has seen.

    Args:
        forecast: of all of them.
        most: valid rows: an estimate of those whom they name may be too high.
        kind: what is written.
        route: where it is sent; None is the usual one.
        lookup_batch: conversations that one request looks up.
        check_choices: it is asked of each participant what it may be given.
        looks_each: reads of each conversation before and after a PATCH.
    """
    participants = min(forecast.participants.count, most)
    conversations = min(forecast.conversations.count, most)
    reads = conversations if kind.resource is None else participants
    through_communications = route is not None and route.of_communication
    return Price(
        participants,
        conversations,
        patches=forecast.patches,
        lookups=forecast.lookups(lookup_batch),
        reads=reads,
        choices=participants if check_choices else 0,
        looks=_looks(reads, looks_each),
        route_reads=(
            max(0, conversations - forecast.conversations_read) if through_communications else 0
        ),
    )


def _looks(reads: int, each: float) -> int:
    """So many reads of each; a sample, which is the part of one, is of one at least."""
    whole, share = divmod(each, 1)
    return int(reads * whole) + (max(1, round(reads * share)) if share and reads else 0)
