"""Admin routes, below /sandbox/ and without a token: what is asked of the sandbox itself.

- `GET  stats`: the counts, one JSON document.
- `GET  state`: what is stored, JSONL, one line for each participant that holds attributes or a
  wrap-up.
- `GET  writes`: the log of requests that write, JSONL, in order of arrival.
- `GET  codes`: the wrap-up codes, JSONL.
- `POST faults`: a JSON list of faults in their text form; replaces those in force.
- `POST conversations`: JSONL as `state` gives it: makes participants known, with their attributes,
  and changes those that are known. All but `conversationId` may be absent; see `Seed` for
  `userId`, `queueId`, `externalContactId`, `address`, `ani`, `name`, `media`, `wrapup`, `left`,
  `ended`, `analytics`.
- `POST codes`: JSONL, wrap-up codes to be known besides: `name`, and as needed `id` and `queues`,
  the ids of those that have it (default: all).
- `POST reset`: forget conversations, codes told, writes (those not yet applied too), attempts and
  counts.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from batchpatch.sandbox.conversations import Seed, as_text, is_uuid, normalised
from batchpatch.sandbox.faults import parse_fault
from batchpatch.sandbox.replies import Reply, json_reply
from batchpatch.sandbox.routes import WRAPUP_MEDIA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batchpatch.sandbox.conversations import Since
    from batchpatch.sandbox.state import SandboxState

PREFIX = "/sandbox/"
_LINES_AT_ONCE = 500
# What can be told of a participant beside its purpose and its attributes: texts.
_FIELDS = ("userId", "queueId", "externalContactId", "address", "ani", "name")


class Admin:
    """Handles requests below /sandbox/."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    async def answer(self, request: web.BaseRequest) -> Reply | web.StreamResponse:
        """Answer one request; the long lists are streamed."""
        state = self._state
        match request.method, request.path.removeprefix(PREFIX):
            case "GET", "stats":
                return json_reply(200, state.stats())
            case "GET", "state":
                return await _stream(request, state.conversations.stored())
            case "GET", "writes":
                return await _stream(request, state.writes.documents())
            case "GET", "codes":
                codes = ({"id": code.id, "name": code.name} for code in state.codes.all())
                return await _stream(request, codes)
            case "POST", "codes":
                return _or_400(self._add_codes, await _read(request))
            case "POST", "faults":
                return _or_400(self._replace_faults, await _read(request))
            case "POST", "conversations":
                return _or_400(self._add_conversations, await _read(request))
            case "POST", "reset":
                state.reset()
                return json_reply(200, {})
            case _:
                return json_reply(404, {"message": f"No {request.method} {request.path} here."})

    def _replace_faults(self, body: bytes) -> dict[str, Any]:
        texts = orjson.loads(body)
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError("Send a JSON list of faults, each a text such as 'status=503'.")
        self._state.injector.replace([parse_fault(text) for text in texts])
        return {"faults": texts}

    def _add_conversations(self, body: bytes) -> dict[str, Any]:
        # All are checked before the first is added: a refused list changes nothing.
        seeds = [read_seed(line) for line in body.splitlines() if line.strip()]
        for seed in seeds:
            self._state.conversations.add(seed)
            if "queueId" in seed.fields:
                self._state.codes.add_queue(seed.fields["queueId"])
        return {"added": len(seeds)}

    def _add_codes(self, body: bytes) -> dict[str, Any]:
        codes = [_read_code(line) for line in body.splitlines() if line.strip()]
        return {"added": [self._state.codes.add(*code).id for code in codes]}


def _or_400(act: Callable[[bytes], dict[str, Any]], body: bytes) -> Reply:
    try:
        return json_reply(200, act(body))
    except ValueError as error:
        return json_reply(400, {"message": str(error)})


async def _read(request: web.BaseRequest) -> bytes:
    # Not request.read(): its limit is the platform's business, and seeds may be many.
    return await request.content.read()


async def _stream(
    request: web.BaseRequest, documents: Iterator[dict[str, Any]]
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    while lines := [orjson.dumps(document) for document in islice(documents, _LINES_AT_ONCE)]:
        await response.write(b"\n".join(lines) + b"\n")
    await response.write_eof()
    return response


def read_seed(line: bytes) -> Seed:
    """Read one line. Raises ValueError, one sentence, for what cannot be."""
    document = orjson.loads(line)
    if not isinstance(document, dict) or not _is_id(document.get("conversationId")):
        raise ValueError("Each line must be an object with a conversationId that is a UUID.")
    participant_id = document.get("participantId") or None
    if participant_id is not None and not _is_id(participant_id):
        raise ValueError("A participantId must be a UUID.")
    if not isinstance(document.get("purpose"), str | None):
        raise ValueError("A purpose must be a string.")
    fields, wrapup = _fields(document), _wrapup(document)
    of_one = [*fields, *(["wrapup"] if wrapup else [])]
    if of_one and participant_id is None:
        raise ValueError(f"To tell {of_one[0]}, name the participantId that it is of.")
    return Seed(
        conversation_id=document["conversationId"].lower(),
        participant_id=participant_id and participant_id.lower(),
        purpose=document.get("purpose"),
        attributes=_attributes(document),
        fields=fields,
        media=_media(document),
        wrapup=wrapup,
        left=_since(document, "left"),
        ended=_since(document, "ended"),
        in_analytics=_flag(document, "analytics"),
    )


def _is_id(value: object) -> bool:
    return isinstance(value, str) and is_uuid(value)


def _attributes(document: dict[str, Any]) -> dict[str, str]:
    attributes = document.get("attributes") or {}
    if not isinstance(attributes, dict) or not all(isinstance(v, str) for v in attributes.values()):
        raise ValueError("The attributes must be an object of strings.")
    return attributes


def _fields(document: dict[str, Any]) -> dict[str, str]:
    fields = {name: document[name] for name in _FIELDS if document.get(name) is not None}
    for name, value in fields.items():
        if not isinstance(value, str) or not value:
            raise ValueError(f"{name} must be a string that is not empty, not {value!r}.")
    return fields


def _since(document: dict[str, Any], name: str) -> Since:
    value = document.get(name)
    if value is None or value is False:
        return value
    if value is True:
        return as_text(datetime.now(UTC))
    since = normalised(value) if isinstance(value, str) else None
    if since is None:
        raise ValueError(f"{name} must be true, false or an ISO time with its zone, not {value!r}.")
    return since


def _flag(document: dict[str, Any], name: str) -> bool | None:
    value = document.get(name)
    if not isinstance(value, bool | None):
        raise ValueError(f"{name} must be true or false, not {value!r}.")
    return value


def _media(document: dict[str, Any]) -> str | None:
    value = document.get("media")
    if value is not None and value not in WRAPUP_MEDIA:
        raise ValueError(f"media must be one of {', '.join(sorted(WRAPUP_MEDIA))}, not {value!r}.")
    return value


def _wrapup(document: dict[str, Any]) -> dict[str, Any] | None:
    value = document.get("wrapup") or None
    if value is not None and not (isinstance(value, dict) and _is_id(value.get("code"))):
        raise ValueError("A wrapup must be an object with a code that is a UUID.")
    return value


def _read_code(line: bytes) -> tuple[str, str | None, list[str] | None]:
    """Name, id and queues of a wrap-up code. Raises ValueError, one sentence."""
    document = orjson.loads(line)
    name = document.get("name") if isinstance(document, dict) else None
    if not isinstance(name, str) or not name:
        raise ValueError("Each line must be an object with a name that is not empty.")
    known_id, queues = document.get("id"), document.get("queues")
    ids = [*([] if known_id is None else [known_id]), *(queues if isinstance(queues, list) else ())]
    if not isinstance(queues, list | None) or not all(map(_is_id, ids)):
        raise ValueError("An id must be a UUID, and queues a list of them.")
    having = None if queues is None else [one.lower() for one in queues]
    return name, known_id and known_id.lower(), having
