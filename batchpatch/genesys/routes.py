"""Routes: paths that a write takes, with a gap for each id. Pure.

The named ones belong to the kinds of write, see `writes`; here is what they have in common, and
what makes a path of a user's own safe.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from batchpatch.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLACEHOLDERS = {
    "{conversation_id}": "{conversation_id}",
    "{conversationId}": "{conversation_id}",
    "{participant_id}": "{participant_id}",
    "{participantId}": "{participant_id}",
}

_BOTH = {"{conversation_id}", "{participant_id}"}
# The characters of an RFC 3986 path segment.
_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+")
# What quote() would leave as it is, dots aside: asking first is a fraction of its cost.
_ARE_PLAIN = re.compile(r"[A-Za-z0-9_-]+/[A-Za-z0-9_-]+").fullmatch
_DOTS = frozenset({"", ".", ".."})

PARTICIPANT = "/api/v2/conversations/{conversation_id}/participants/{participant_id}"
"""The path of a participant. Source: the official SDK."""


COMMUNICATION = (
    "/api/v2/conversations/{{media}}/{{conversation_id}}/participants/{{participant_id}}"
    "/communications/{{communication_id}}/{what}"
)
"""The path of a participant's call, email or the like. Source: the official SDK."""


class Route(NamedTuple):
    """A method and a path with two gaps."""

    name: str
    """By which users choose it, or `custom`."""
    template: str
    """Holds `{conversation_id}` and `{participant_id}`, each as a whole path segment."""
    warning: str | None = None
    """Why what is sent here is probably not stored, in one sentence."""
    stores: bool | None = True
    """False where it is known to store nothing, None where nobody knows."""
    otherwise: str = ""
    """Name of the route that surely stores; empty for that one itself."""
    method: str = "PATCH"
    permission: str | None = None
    """What the platform asks for; None where it is nothing but a valid token."""
    bare: bool = False
    """The body is what is written, without a key."""

    @property
    def of_communication(self) -> bool:
        """It has two gaps more, which a read of the conversation fills."""
        return "{communication_id}" in self.template

    def communication_path(
        self, conversation_id: str, participant_id: str, media: str, communication_id: str
    ) -> str:
        """Return the path of one communication; raises as `path` does."""
        template = self.template.replace("{media}", _encoded(media)).replace(
            "{communication_id}", _encoded(communication_id)
        )
        return filled(template, conversation_id, participant_id)

    def path(self, conversation_id: str, participant_id: str) -> str:
        """Return the path of one participant, the ids percent-encoded as one segment each.

        Raises `ValueError` for an id that is empty or made of dots, which a server would take
        for a step within the path.
        """
        return filled(self.template, conversation_id, participant_id)


def filled(template: str, conversation_id: str, participant_id: str) -> str:
    """Return a template with both ids in their gaps; raises as `Route.path` does."""
    # Looked at although reading has validated them: this is the last door before the wire.
    if not _ARE_PLAIN(f"{conversation_id}/{participant_id}"):
        conversation_id, participant_id = _encoded(conversation_id), _encoded(participant_id)
    return template.replace("{conversation_id}", conversation_id).replace(
        "{participant_id}", participant_id
    )


def _encoded(segment: str) -> str:
    if segment in _DOTS:
        raise ValueError("an id is empty or made of dots")
    return quote(segment, safe="")


class Suspect(NamedTuple):
    """A part of a path that betrays a route which is not the platform's."""

    part: str
    """In lower case."""
    warning: str
    stores: bool | None = False


def choose_route(text: str, *, known: Sequence[Route], suspects: Sequence[Suspect] = ()) -> Route:
    """Return the route of that name, or one made of a template such as `/api/v2/.../{...}`.

    A template that cannot exist on the platform is allowed, with a warning. Raises
    `SettingsError` for an unknown name and for a template that is not a path with both gaps.

    Args:
        text: name or template.
        known: the named ones, the usual one first.
        suspects: what a path may hold that the platform does not have.
    """
    text = text.strip()
    for route in known:
        if text in (route.name, route.template) or route.name == text.lower():
            return route
    if "/" not in text and "{" not in text:
        names = ", ".join(route.name for route in known)
        raise SettingsError(
            f"{text[:60]!r} is not a route: choose {names}, or give a path with"
            " {conversation_id} and {participant_id}."
        )
    template = _checked_template(text, example=known[0].template)
    for route in known:
        if route.template == template:
            return route
    usual = known[0]
    warning, stores = _suspicion(template, suspects)
    return Route("custom", template, warning, stores, usual.name, usual.method)


def refuse_vain(route: Route, *, verified: bool, force: bool) -> None:
    """Refuse a route that stores nothing, where nobody would notice.

    Args:
        route: what was chosen.
        verified: what is sent is read back, all or a sample of it.
        force: the user knows.

    Raises:
        SettingsError: neither is so.
    """
    if route.stores is False and not (verified or force):
        raise SettingsError(
            f"--route {_as_given(route)}: {route.warning} To see what it does all the same, add"
            " --verify, or --force."
        )


def _as_given(route: Route) -> str:
    return route.template if route.name == "custom" else route.name


def _checked_template(text: str, *, example: str) -> str:
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
            f" path segment, as in {example}."
        )
    for part in segments:
        if part not in _BOTH and (part in _DOTS or not _SEGMENT.fullmatch(part)):
            raise SettingsError(f"A route cannot hold the path segment {part[:40]!r}.")
    return "/" + "/".join(segments)


def _suspicion(template: str, suspects: Sequence[Suspect]) -> tuple[str | None, bool | None]:
    lower = template.lower()
    for suspect in suspects:
        if suspect.part in lower:
            return suspect.warning, suspect.stores
    return None, None
