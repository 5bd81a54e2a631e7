"""Wrap-up codes: the code of an agent's participant, with notes, tags and a duration. Pure.

Names and values are those of the platform's `WrapupInput`; as texts, tags are a JSON array. The
last row of a participant wins whole. The platform documents no way to take a code away again, so
an undo can put another one back, and no more. Source: the official SDK.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson

from batchpatch.genesys.routes import COMMUNICATION, PARTICIPANT, Route
from batchpatch.options.fields import canonical_uuid
from batchpatch.writes.columns import Columns, Field, RefusedError
from batchpatch.writes.kind import MergeRule, Resource, WriteKind
from batchpatch.writes.listing import Listing, listed

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = ("code", "notes", "tags", "durationSeconds")

_MOST_DIGITS = 9


def set_wrapup(body: bytes, _: str) -> dict[str, str] | None:
    """The answer of GET `.../wrapup` as names and values; none where no code is set."""
    try:
        document = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict):
        return None
    if not isinstance(document.get("code"), str) or not document["code"]:
        return {}
    found = {name: _shown(document.get(name)) for name in NAMES}
    return {name: text for name, text in found.items() if text} | {
        "code": document["code"].strip().lower()
    }


def allowed_codes(body: bytes, _: str) -> dict[str, str] | None:
    """The answer of GET `.../wrapupcodes`: the names of codes by their ids."""
    try:
        document = orjson.loads(body)
        return {one["id"].strip().lower(): str(one["name"]) for one in document}
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None


def _shown(value: object) -> str:
    if isinstance(value, list):
        return tags_text([one for one in value if isinstance(one, str)])
    return "" if value is None else str(value)


def tags_text(tags: list[str]) -> str:
    """Tags as one text, each once; empty for none."""
    found = list(dict.fromkeys(tags))
    return orjson.dumps(found).decode() if found else ""


def _tags(value: object) -> str:
    """Tags as a row has them: an array, its JSON text, or words parted by `;`."""
    if isinstance(value, str):
        text = value.strip()
        try:
            value = json.loads(text) if text.startswith("[") else text.split(";")
        except ValueError:
            value = None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise RefusedError(
            "bad_tags",
            "the tags are neither a JSON array of texts nor texts with ; between them",
            'Write them as first;second, or as ["first", "second"].',
        )
    return tags_text([one.strip() for one in value if one.strip()])


def _seconds(value: object) -> str:
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise RefusedError(
            "bad_duration", "the duration is not a number of seconds", "Write it as digits alone."
        )
    return str(int(text))


def _code(value: object) -> str:
    """The id in its one spelling, or a name that is yet to be found (see `LISTING`)."""
    if not isinstance(value, str):
        raise RefusedError(
            "bad_code",
            "the wrap-up code is neither a code's id nor its name",
            "`batchpatch codes` lists both.",
        )
    return canonical_uuid(value) or value.strip()


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise RefusedError("bad_notes", "the notes are no text", "Write them as text.")
    return value


_READ = {"code": _code, "notes": _text, "tags": _tags, "durationSeconds": _seconds}


class Wrapup(WriteKind):
    """Wrap-up codes, which can be replaced and never be taken away."""

    __slots__ = ()

    def members(self, cell: object) -> dict[str, Any]:
        """An object of names and values, or the code alone."""
        if isinstance(cell, str):
            return {"code": cell}
        found = super().members(cell)
        for name in found:
            if name not in NAMES:
                raise RefusedError(
                    "unexpected_key",
                    "the wrap-up has a key that is none of its own",
                    f"It has {', '.join(NAMES)}, and nothing else is sent.",
                )
        return found

    def values(self, given: dict[str, Any]) -> dict[str, str]:
        """Each in its one spelling; a row without a code asks for nothing."""
        if "code" not in given:
            return {}
        return {
            name: "" if given[name] == "" else _READ[name](given[name])
            for name in NAMES
            if name in given
        }

    def document(self, values: Mapping[str, str]) -> dict[str, Any]:
        """The wrap-up and nothing else, ever: a state or a mute would change the call itself."""
        sent: dict[str, Any] = dict(values)
        if "tags" in sent:
            sent["tags"] = orjson.loads(sent["tags"] or "[]")
        if "durationSeconds" in sent:
            seconds = sent.pop("durationSeconds")
            sent.update({"durationSeconds": int(seconds)} if seconds else {})
        return sent

    def refuse(self, values: Mapping[str, str]) -> RefusedError | None:
        """Where there was no code, none can be restored."""
        if values.get("code") != "":
            return None
        return RefusedError(
            "cannot_unset",
            self.kept_for_ever,
            "The code that was set stays: set another one, or correct it by hand.",
        )

    def refuse_choice(
        self, values: Mapping[str, str], choices: Mapping[str, str]
    ) -> RefusedError | None:
        """A code that the participant's queue does not have is answered 400."""
        if values["code"] in choices:
            return None
        return RefusedError(
            "code_not_allowed",
            "the participant may not be given this wrap-up code",
            f"It may be given {listed(choices.values())}."
            if choices
            else "It may be given none: is it the agent's?",
        )

    def is_as_asked(self, name: str, present: str | None, wanted: str) -> bool:
        """The order of tags says nothing."""
        if name == "tags":
            return sorted(orjson.loads(present or "[]")) == sorted(orjson.loads(wanted or "[]"))
        return (present or "") == wanted

    def is_stored(self, name: str, present: str | None, written: str) -> bool:
        """A blank is as good as none here; the duration is the platform's own to tell."""
        return name == "durationSeconds" or self.is_as_asked(name, present, written)


LISTING = Listing(
    value="code",
    noun="wrap-up code",
    path="/api/v2/routing/wrapupcodes",
    permission="routing:wrapupCode:view",
    queue_path="/api/v2/routing/queues/{queue_id}/wrapupcodes",
    queue_permission="routing:queue:view",
)


_PERMISSION = "conversation:participant:wrapup"


_FIRST_ONLY = (
    "The rules of an outbound campaign run on the first wrap-up only: a code that is corrected"
    " changes no callability."
)


_UNPROVEN = (
    "Whether a conversation that has ended takes a code from client credentials is unproven:"
    " try --limit 3 --verify first."
)


WRAPUP = Wrapup(
    name="wrapup",
    noun="wrap-up",
    key="wrapup",
    columns=Columns(
        fields={
            "code": Field(("wrapupcode",), "wrap-up code"),
            "wrapup": Field(("wrapup",), "wrap-up: its code, or all of it as a JSON object"),
            "notes": Field(("wrapupnotes", "notes"), "wrap-up notes"),
            "tags": Field(("wrapuptags", "tags"), "wrap-up tags"),
            "durationSeconds": Field(
                ("wrapupduration", "wrapupdurationseconds"), "wrap-up duration in seconds"
            ),
        },
        whole="wrapup",
        telling=("code",),
        example="wrapupCode",
        object_example='{"code": "...", "notes": "..."}',
    ),
    routes=(
        Route("participant", PARTICIPANT, permission=_PERMISSION),
        Route(
            "communication",
            COMMUNICATION.format(what="wrapup"),
            otherwise="participant",
            method="POST",
            permission=_PERMISSION,
            bare=True,
        ),
    ),
    merge=MergeRule.WHOLE,
    resource=Resource(f"{PARTICIPANT}/wrapup", set_wrapup),
    plain=False,
    needed="code",
    participant="agent",
    listing=LISTING,
    choices=Resource(f"{PARTICIPANT}/wrapupcodes", allowed_codes),
    advice=(_FIRST_ONLY, _UNPROVEN),
    already_so="the wrap-up is already as it is asked for",
    restored="undo can restore them, but a code where there was none stays",
    nothing_to_set="the row has no wrap-up code, or it is left out",
)
