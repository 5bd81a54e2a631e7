"""The platform's API: one request in, one reply out. The HTTP server is around it."""

from __future__ import annotations

import asyncio
import math
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from batchpatch.sandbox.bodies import MAX_BODY_BYTES, check_size, read_attributes, read_document
from batchpatch.sandbox.faults import FaultKind
from batchpatch.sandbox.replies import Refusal, Reply, fault_reply, json_reply, too_many_requests
from batchpatch.sandbox.routes import Resource, Route, check_route, find_route
from batchpatch.sandbox.windows import whole_seconds

if TYPE_CHECKING:
    from batchpatch.sandbox.state import SandboxState
    from batchpatch.sandbox.tokens import Token
    from batchpatch.sandbox.writes import Write

_ORGANIZATION = {"id": "5a7d6b1e-0c52-4a39-9f4e-1f2d3c4b5a69", "name": "Sandbox"}
_NAMESPACE = "platform.api"
_TOKEN_RATES = ("client.credentials.token.rate.per.minute", "token.rate.per.minute")


@dataclass(slots=True)
class _Call:
    """One API request on its way through."""

    request: web.BaseRequest
    route: Route
    correlation_id: str
    headers: dict[str, str] = field(default_factory=dict)


class Api:
    """Handles requests to /oauth/token and below /api."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self._options = state.options

    async def mint(self, request: web.BaseRequest) -> Reply:
        """POST /oauth/token."""
        if request.method != "POST":
            return Refusal(405).reply(str(uuid.uuid4()))
        form = await request.read()
        return self._state.tokens.mint(request.headers.get("Authorization", ""), form)

    async def answer(self, request: web.BaseRequest) -> Reply | None:
        """Answer an API request; None is a connection to be reset."""
        state = self._state
        route = find_route(request.raw_path)
        correlation_id = str(uuid.uuid4())
        call = _Call(request, route, correlation_id, {"ININ-Correlation-Id": correlation_id})
        write = self._begin_write(call)
        reply: Reply | None = None
        state.enter()
        try:
            reply = await self._handle(call, write)
        except Refusal as refusal:
            reply = refusal.reply(call.correlation_id)
        except ConnectionError:
            # The client left before its body was here: there is nobody to answer.
            reply = None
        finally:
            status = None if reply is None else reply.status
            state.leave(status)
            if write is not None:
                state.writes.end(write, status)
        if reply is None:
            return None
        return Reply(
            reply.status, reply.body, reply.content_type, {**call.headers, **reply.headers}
        )

    def _begin_write(self, call: _Call) -> Write | None:
        request, route = call.request, call.route
        if request.method != "PATCH" or not route.participant_id:
            return None

        def is_connected() -> bool:
            transport = request.transport
            return transport is not None and not transport.is_closing()

        return self._state.writes.begin(route.conversation_id, route.participant_id, is_connected)

    async def _handle(self, call: _Call, write: Write | None) -> Reply | None:
        token = self._state.tokens.check(call.request.headers.get("Authorization", ""))
        self._admit(token, call)
        check_route(call.route, call.request.method)
        if write is not None:
            # One turn of the loop, so that what arrived together is seen to be in flight together.
            await asyncio.sleep(0)
            return await self._patch(call, write)
        match call.route.resource:
            case Resource.CONVERSATION:
                return self._conversation(call.route.conversation_id)
            case Resource.TOKEN:
                return self._token(token)
            case _:
                return self._limits()

    def _admit(self, token: Token, call: _Call) -> None:
        if token.windows is None:
            return
        admission = token.windows.admit(self._state.clock.now_s())
        reset_s = whole_seconds(admission.left_s, self._options.reset_rounding)
        if admission.admitted or self._options.headers_on_429:
            call.headers["inin-ratelimit-count"] = str(admission.used)
            call.headers["inin-ratelimit-allowed"] = str(admission.allowed)
            call.headers["inin-ratelimit-reset"] = str(reset_s)
        if not admission.admitted:
            self._state.counts.throttled += 1
            limit = {"key": _TOKEN_RATES[0], "namespace": _NAMESPACE, "value": admission.allowed}
            raise too_many_requests(max(1, reset_s), limit)

    async def _patch(self, call: _Call, write: Write) -> Reply | None:
        state = self._state
        injection = state.injector.draw(
            conversation_id=call.route.conversation_id, participant_id=call.route.participant_id
        )
        if injection.delay_s:
            await state.clock.sleep(injection.delay_s)
        fault = injection.fault
        if fault is None:
            return await self._accept(call, write)
        match fault.kind:
            case FaultKind.RESET_BEFORE:
                return None
            case FaultKind.RESET_AFTER:
                await self._accept(call, write)
                return None
            case FaultKind.LATE:
                await self._accept(call, write, late_s=fault.ms / 1000)
                return None
            case _:
                return fault_reply(fault, call.correlation_id)

    async def _accept(self, call: _Call, write: Write, *, late_s: float | None = None) -> Reply:
        """Do what a PATCH asks for; `late_s` puts its effect off."""
        route, state = call.route, self._state
        body = await _read_body(call.request)
        if route.resource is Resource.PARTICIPANT:
            read_document(call.request.content_type, body)
            if state.conversations.find_participant(*route[1:]) is None:
                raise Refusal(404)
            return json_reply(200, {})
        attributes = read_attributes(call.request.content_type, body)
        write.keys = tuple(attributes)
        if late_s is not None:
            state.store_later(write, attributes, late_s)
        elif not state.store(write, attributes):
            raise Refusal(404)
        return Reply(202)

    def _conversation(self, conversation_id: str) -> Reply:
        resource = self._state.conversations.as_resource(conversation_id)
        if resource is None:
            raise Refusal(404)
        return json_reply(200, resource)

    def _token(self, token: Token) -> Reply:
        return json_reply(
            200,
            {
                "organization": _ORGANIZATION,
                "homeOrganization": _ORGANIZATION,
                "authorizedScope": [],
                "OAuthClient": {
                    "id": token.client_id,
                    "name": "Sandbox client",
                    "organization": _ORGANIZATION,
                },
            },
        )

    def _limits(self) -> Reply:
        limits: dict[str, int] = {"request.bytes.max": MAX_BODY_BYTES}
        allowed = self._state.tokens.allowed
        if allowed is not None:
            per_minute = math.floor(allowed * 60 / self._options.window_s)
            limits |= dict.fromkeys(_TOKEN_RATES, per_minute)
        entities = [
            {"key": key, "namespace": _NAMESPACE, "value": value} for key, value in limits.items()
        ]
        return json_reply(200, {"entities": entities, "total": len(entities)})


async def _read_body(request: web.BaseRequest) -> bytes:
    check_size(request.content_length)
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise Refusal(413) from None
