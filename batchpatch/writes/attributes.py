"""Participant attributes: texts by name, each written for itself. Pure.

The paths come from the official SDK; those that only tutorials know are here as well, so that
whoever tries them is told where the attributes would have gone.
"""

from __future__ import annotations

import re

from batchpatch.genesys.routes import PARTICIPANT, Route, Suspect
from batchpatch.options.fields import BEFORE_NAME, bare
from batchpatch.writes.columns import Columns, Field
from batchpatch.writes.kind import WriteKind

_PREFIXED = re.compile(BEFORE_NAME + r"attr(?:ibute)?s?\.(.*)", re.IGNORECASE | re.DOTALL)


def attribute_of(column: str) -> str | None:
    """NAME of a column `attributes.NAME`; None for any other column."""
    match = _PREFIXED.fullmatch(column)
    return bare(match[1]) if match else None


COLUMNS = Columns(
    fields={
        "attributes": Field(("attributes",), "attributes, as a JSON object"),
        "key": Field(("key",), "attribute name"),
        "value": Field(("value",), "attribute value"),
    },
    whole="attributes",
    pair=("key", "value"),
    name_of=attribute_of,
    open=True,
    example="attr.NAME",
    object_example='{"customer_tier": "gold"}',
)

_USUAL = "attributes"


def _media(name: str) -> Route:
    return Route(
        name,
        f"/api/v2/conversations/{name}/{{conversation_id}}"
        "/participants/{participant_id}/attributes",
        otherwise=_USUAL,
    )


_NOT_STORED = (
    "Genesys Cloud takes the participant route without /attributes for state and wrap-up only:"
    " it answers 2xx and stores no attributes, use --route attributes."
)

_NO_INTERACTIONS = (
    "Genesys Cloud has no /interactions/ path (only forum threads do), so expect 404s:"
    " use --route attributes."
)

_NO_VOICE = (
    "Genesys Cloud has no /conversations/voice/ path, so expect 404s:"
    " use --route attributes, or --route calls for the voice one."
)

_NO_CHATS = (
    "The newest official SDK no longer has the chats path: use --route attributes,"
    " which serves every media type."
)

ROUTES = (
    Route(_USUAL, f"{PARTICIPANT}/attributes"),
    _media("calls"),
    _media("callbacks"),
    _media("emails"),
    _media("messages"),
    _media("cobrowsesessions"),
    Route("participant", PARTICIPANT, _NOT_STORED, stores=False, otherwise=_USUAL),
    Route(
        "interactions",
        "/api/v2/conversations/interactions/{conversation_id}/participants/{participant_id}",
        _NO_INTERACTIONS,
        stores=False,
        otherwise=_USUAL,
    ),
)
"""In the order that a help text should have. Source: the official SDK's paths."""

SUSPECTS = (
    Suspect("/api/v2/interactions/", _NO_INTERACTIONS),
    Suspect("/conversations/interactions/", _NO_INTERACTIONS),
    Suspect("/conversations/voice/", _NO_VOICE),
    Suspect("/conversations/chats/", _NO_CHATS, stores=None),
)


class Attributes(WriteKind):
    """Participant attributes: what most kinds do is what they do."""

    __slots__ = ()

    def notice(self, name: str) -> str | None:
        """Source: the platform's documentation of participant data."""
        if name.startswith(("context.genesys.", "context._genesys_")):
            return f"{name} is an attribute that the platform itself sets; it may be overwritten."
        if name.startswith("conversationDetails.participantData."):
            return f"{name} is shown to agents on their screen."
        return None


ATTRIBUTES = Attributes(
    name="attributes",
    noun="attribute",
    key="attributes",
    columns=COLUMNS,
    routes=ROUTES,
    suspects=SUSPECTS,
    already_so="every attribute already has the value that is asked for",
    nothing_to_set="every attribute of the row is empty or left out",
    restored="undo can restore them, and blanks an attribute that was absent",
    blanked="set to an empty text, because the platform cannot delete an attribute",
)
