"""Which path a PATCH takes.

Pure. The paths come from the official SDK; those that only tutorials know are here as well, so
that whoever tries them is told where the attributes would have gone.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote

from batchpatch.errors import SettingsError

_PLACEHOLDERS = {
    "{conversation_id}": "{conversation_id}",
    "{conversationId}": "{conversation_id}",
    "{participant_id}": "{participant_id}",
    "{participantId}": "{participant_id}",
}


_BOTH = {"{conversation_id}", "{participant_id}"}


# The characters of an RFC 3986 path segment.
_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+")


# What quote() would leave as it is, dots aside: asking first is a quarter of its cost.
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]+").fullmatch


_DOTS = frozenset({"", ".", ".."})


_PARTICIPANT = "/api/v2/conversations/{conversation_id}/participants/{participant_id}"


class Route(NamedTuple):
    """A path with two gaps."""

    name: str
    """A name of `ROUTES`, or `custom`."""
    template: str
    """Holds `{conversation_id}` and `{participant_id}`, each as a whole path segment."""
    warning: str | None = None
    """Why attributes sent here are probably not stored, in one sentence."""

    def path(self, conversation_id: str, participant_id: str) -> str:
        """Return the path of one participant, the ids percent-encoded as one segment each.

        Raises `ValueError` for an id that is empty or made of dots, which a server would take
        for a step within the path.
        """
        return self.template.replace("{conversation_id}", _encoded(conversation_id)).replace(
            "{participant_id}", _encoded(participant_id)
        )


def _encoded(segment: str) -> str:
    # Encoded although reading has validated it: this is the last door before the wire.
    if _PLAIN_ID(segment):
        return segment
    if segment in _DOTS:
        raise ValueError("an id is empty or made of dots")
    return quote(segment, safe="")


def _media(name: str) -> Route:
    return Route(
        name,
        f"/api/v2/conversations/{name}/{{conversation_id}}"
        "/participants/{participant_id}/attributes",
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


ROUTES: dict[str, Route] = {
    route.name: route
    for route in (
        Route("attributes", f"{_PARTICIPANT}/attributes"),
        _media("calls"),
        _media("callbacks"),
        _media("emails"),
        _media("messages"),
        _media("cobrowsesessions"),
        Route("participant", _PARTICIPANT, _NOT_STORED),
        Route(
            "interactions",
            "/api/v2/conversations/interactions/{conversation_id}/participants/{participant_id}",
            _NO_INTERACTIONS,
        ),
    )
}
"""By name, in the order that a help text should have. Source: the official SDK's paths."""


_BY_TEMPLATE = {route.template: route for route in ROUTES.values()}


_SUSPICIOUS = (
    ("/api/v2/interactions/", _NO_INTERACTIONS),
    ("/conversations/interactions/", _NO_INTERACTIONS),
    ("/conversations/voice/", _NO_VOICE),
    ("/conversations/chats/", _NO_CHATS),
)


def find_route(text: str) -> Route:
    """Return the route of that name, or one made of a template such as `/api/v2/.../{...}`.

    A template that cannot exist on the platform is allowed, with a warning. Raises
    `SettingsError` for an unknown name and for a template that is not a path with both gaps.
    """
    text = text.strip()
    route = ROUTES.get(text.lower())
    if route is not None:
        return route
    if "/" not in text and "{" not in text:
        raise SettingsError(
            f"{text[:60]!r} is not a route: choose {', '.join(ROUTES)}, or give a path with"
            " {conversation_id} and {participant_id}."
        )
    template = _checked_template(text)
    return _BY_TEMPLATE.get(template) or Route("custom", template, _warning_for(template))


def _checked_template(text: str) -> str:
    if not text.startswith("/") or "?" in text or "#" in text:
        raise SettingsError(
            "A route is the path alone: it begins with '/' and has no scheme, host, query or"
            " fragment (--api-url says which host)."
        )
    segments = [_PLACEHOLDERS.get(part, part) for part in text[1:].split("/")]
    gaps = [part for part in segments if part in _BOTH]
    if len(gaps) != len(_BOTH) or set(gaps) != _BOTH:
        raise SettingsError(
            "A route needs {conversation_id} and {participant_id}, each once and as a whole"
            f" path segment, as in {_PARTICIPANT}/attributes."
        )
    for part in segments:
        if part not in _BOTH and (part in _DOTS or not _SEGMENT.fullmatch(part)):
            raise SettingsError(f"A route cannot hold the path segment {part[:40]!r}.")
    return "/" + "/".join(segments)


def _warning_for(template: str) -> str | None:
    lower = template.lower()
    return next((warning for part, warning in _SUSPICIOUS if part in lower), None)
