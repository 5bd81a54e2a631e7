"""Wrap-up: what sets a code, what shows it, and which codes there are to be set. No I/O.

What is sent replaces what was set as a whole, and where nothing is set the answer is an empty
object: both are guesses.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from batchpatch.sandbox.codes import queue_id_of
from batchpatch.sandbox.conversations import as_text, communication_id, normalised
from batchpatch.sandbox.replies import Refusal, Reply, json_reply, missing_permission
from batchpatch.sandbox.routes import Resource
from batchpatch.sandbox.writes import Effect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.sandbox.codes import Code
    from batchpatch.sandbox.conversations import Conversation, Participant
    from batchpatch.sandbox.routes import Route
    from batchpatch.sandbox.state import SandboxState
    from batchpatch.sandbox.writes import Write

PERMISSION = "conversation:participant:wrapup"
"""What setting a code takes. To read what is set takes none."""
CODES_PERMISSION = "routing:wrapupCode:view"
QUEUE_PERMISSION = "routing:queue:view"
_ANY_OF = {
    # The sandbox's tokens have the first alone.
    Resource.PARTICIPANT: (
        PERMISSION,
        "conversation:call:record",
        "conversation:communication:disconnect",
    ),
    Resource.COMMUNICATION_WRAPUP: (PERMISSION,),
}
_MAX_PAGE_SIZE = 100
_TYPES: dict[str, type] = {
    "code": str,
    "name": str,
    "notes": str,
    "tags": list,
    "durationSeconds": int,
    "endTime": str,
    "provisional": bool,
    "disableEndTimeUpdates": bool,
}
_KEPT = ("code", "notes", "tags", "durationSeconds", "endTime")


def set_wrapup(state: SandboxState, route: Route, document: dict[str, Any], write: Write) -> Effect:
    """What a request that may set a code does; raises the Refusal that it deserves."""
    if state.options.lacks(PERMISSION):
        raise missing_permission(", ".join(_ANY_OF[route.resource]))
    conversation, participant = _find(state, route)
    if route.resource is Resource.COMMUNICATION_WRAPUP:
        _check_communication(route, participant)
        sent: object = document
    else:
        # A participant's state is all that may stand here besides, and it is not kept.
        sent = document.get("wrapup")
    if sent is None:
        return Effect(None, Reply(202))
    wrapup = _read(sent)
    write.keys = tuple(wrapup)
    if conversation.ended_at is not None and state.options.ended_wrapup == "refuse":
        raise Refusal(409, message="The conversation has ended: its wrap-up cannot be changed.")
    _check_code(state, route, participant, wrapup["code"])

    def apply() -> None:
        participant.wrapup = {"endTime": as_text(datetime.now(UTC))} | wrapup

    return Effect(apply, Reply(202))


def shown(state: SandboxState, route: Route) -> Reply:
    """GET participant's wrapup: what is set."""
    _, participant = _find(state, route)
    return json_reply(200, participant.wrapup or {})


def codes_of_participant(state: SandboxState, route: Route) -> Reply:
    """GET participant's wrapupcodes: those that may be set."""
    _, participant = _find(state, route)
    queue_id = queue_id_of(route.conversation_id, participant)
    codes = None if queue_id is None else state.codes.of_queue(queue_id)
    return json_reply(200, [_entity(code) for code in codes or ()])


def codes_of_organization(state: SandboxState, query: str) -> Reply:
    """GET routing/wrapupcodes: a page of all codes, of those whose name has `name` in it."""
    _require(state, CODES_PERMISSION)
    wanted = parse_qs(query).get("name", [""])[-1].casefold()
    return _page([c for c in state.codes.all() if wanted in c.name.casefold()], query)


def codes_of_queue(state: SandboxState, queue_id: str, query: str) -> Reply:
    """GET queue's wrapupcodes: a page of them."""
    _require(state, QUEUE_PERMISSION)
    codes = state.codes.of_queue(queue_id)
    if codes is None:
        raise Refusal(404)
    return _page(codes, query)


def _require(state: SandboxState, permission: str) -> None:
    if state.options.lacks(permission):
        raise missing_permission(permission)


def _find(state: SandboxState, route: Route) -> tuple[Conversation, Participant]:
    conversation = state.conversations.find(route.conversation_id)
    participant = state.conversations.find_participant(*route[1:3])
    if conversation is None or participant is None:
        raise Refusal(404)
    return conversation, participant


def _check_communication(route: Route, participant: Participant) -> None:
    ids = (participant.media, communication_id(*route[1:3]))
    if (route.media, route.other_id) != ids:
        raise Refusal(404, message=f"The participant has no communication [{route.other_id}].")


def _check_code(state: SandboxState, route: Route, participant: Participant, code: str) -> None:
    known = state.codes.find(code)
    if known is None:
        raise Refusal(400, "invalid.value", f"The wrap-up code [{code}] does not exist.")
    queue_id = queue_id_of(route.conversation_id, participant)
    if queue_id is None or not state.codes.has(queue_id, known):
        raise Refusal(400, message=f"The wrap-up code [{code}] is not one of the participant's.")


def _read(sent: object) -> dict[str, Any]:
    """Read a WrapupInput into what is shown of it."""
    if not isinstance(sent, dict):
        raise Refusal(400, message="The wrap-up must be an object.")
    given = {name: value for name, value in sent.items() if value is not None}
    for name, value in given.items():
        if name in _TYPES and not _is_of(value, name):
            raise Refusal(400, "invalid.value", f"The value of {name} is not valid.")
    if not given.get("code"):
        raise Refusal(400, message="The wrap-up must have a code.")
    # Ids are the same in either case.
    given["code"] = given["code"].lower()
    if "endTime" in given:
        given["endTime"] = normalised(given["endTime"])
    return {name: given[name] for name in _KEPT if name in given}


def _is_of(value: object, name: str) -> bool:
    if isinstance(value, bool) != (_TYPES[name] is bool) or not isinstance(value, _TYPES[name]):
        return False
    if isinstance(value, list):
        return all(isinstance(tag, str) for tag in value)
    if name == "endTime":
        return normalised(str(value)) is not None
    return not isinstance(value, int) or value >= 0


def _entity(code: Code) -> dict[str, Any]:
    return {"id": code.id, "name": code.name, "selfUri": f"/api/v2/routing/wrapupcodes/{code.id}"}


def _page(codes: Sequence[Code], query: str) -> Reply:
    size, number = _whole(query, "pageSize", 25), _whole(query, "pageNumber", 1)
    if size > _MAX_PAGE_SIZE:
        raise Refusal(400, "invalid.value", f"pageSize is over the maximum of [{_MAX_PAGE_SIZE}].")
    first = (number - 1) * size
    return json_reply(
        200,
        {
            "entities": [_entity(code) for code in codes[first : first + size]],
            "pageSize": size,
            "pageNumber": number,
            "total": len(codes),
            "pageCount": -(-len(codes) // size),
        },
    )


def _whole(query: str, name: str, usual: int) -> int:
    text = parse_qs(query).get(name, [str(usual)])[-1]
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise Refusal(400, "invalid.value", f"The value of {name} must be a number from 1.")
    return int(text)
