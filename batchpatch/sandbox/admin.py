"""What tests and curious users ask the sandbox itself, below /sandbox/ and without a token.

- `GET  stats`: the counts, one JSON document.
- `GET  state`: what is stored, JSONL, one line for each participant that holds attributes.
- `GET  writes`: the log of PATCH requests, JSONL, in order of arrival.
- `POST faults`: a JSON list of faults in their text form; replaces those in force.
- `POST conversations`: JSONL as `state` gives it: makes participants known, with their attributes,
  and changes those that are known. All but `conversationId` may be absent; see `seeds` for
  `userId`, `externalContactId`, `address`, `ani`, `name`, `left`, `ended`, `analytics`.
- `POST reset`: forget conversations, writes (those not yet applied too), attempts and counts.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from batchpatch.sandbox.faults import parse_fault
from batchpatch.sandbox.replies import Reply, json_reply
from batchpatch.sandbox.seeds import read_seed

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
        seeds = [read_seed(line) for line in body.splitlines() if line.strip()]
        for seed in seeds:
            self._state.conversations.add(seed)
        return {"added": len(seeds)}


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
