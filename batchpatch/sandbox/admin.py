"""What tests and curious users ask the sandbox itself, below /sandbox/ and without a token.

- `GET  stats`: the counts, one JSON document.
- `GET  state`: what is stored, JSONL, one line for each participant that holds attributes.
- `GET  writes`: the log of PATCH requests, JSONL, in order of arrival.
- `POST faults`: a JSON list of faults in their text form; replaces those in force.
- `POST conversations`: JSONL as `state` gives it: makes participants known, with their attributes.
  `participantId`, `purpose` and `attributes` may be absent.
- `POST reset`: forget conversations, writes, attempts and counts.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from batchpatch.sandbox.faults import parse_fault
from batchpatch.sandbox.identities import is_uuid
from batchpatch.sandbox.replies import Reply, json_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batchpatch.sandbox.state import SandboxState

PREFIX = "/sandbox/"
_LINES_AT_ONCE = 500


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
        seeds = [_seed(orjson.loads(line)) for line in body.splitlines() if line.strip()]
        for seed in seeds:
            self._state.conversations.add(
                seed["conversationId"].lower(),
                (seed.get("participantId") or "").lower() or None,
                purpose=seed.get("purpose"),
                attributes=seed.get("attributes"),
            )
        return {"added": len(seeds)}


def _seed(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict) or not _is_id(document.get("conversationId")):
        raise ValueError("Each line must be an object with a conversationId that is a UUID.")
    if document.get("participantId") is not None and not _is_id(document["participantId"]):
        raise ValueError("A participantId must be a UUID.")
    if not isinstance(document.get("purpose"), str | None):
        raise ValueError("A purpose must be a string.")
    attributes = document.get("attributes") or {}
    if not isinstance(attributes, dict) or not all(isinstance(v, str) for v in attributes.values()):
        raise ValueError("The attributes must be an object of strings.")
    return document


def _is_id(value: object) -> bool:
    return isinstance(value, str) and is_uuid(value)


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
