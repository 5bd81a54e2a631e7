"""The platform's API: one request in, one reply out. The HTTP server is around it."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aiohttp import web

from batchpatch.sandbox import reads
from batchpatch.sandbox.faults import FaultKind
from batchpatch.sandbox.injection import TOKEN_TARGET, Target, patch_target, read_target
from batchpatch.sandbox.replies import (
    Refusal,
    Reply,
    check_size,
    fault_reply,
    json_reply,
    read_attributes,
    read_document,
    token_fault_reply,
    too_many_requests,
)
from batchpatch.sandbox.routes import Resource, Route, check_route, find_ids, find_route
from batchpatch.sandbox.windows import whole_seconds

if TYPE_CHECKING:
    from batchpatch.sandbox.faults import Fault
    from batchpatch.sandbox.state import SandboxState
    from batchpatch.sandbox.tokens import Token
    from batchpatch.sandbox.windows import Admission
    from batchpatch.sandbox.writes import Write

_WRITTEN = {Resource.ATTRIBUTES, Resource.PARTICIPANT}
_OF_THE_LIMIT = "inin-ratelimit-"


@dataclass(slots=True)
class _Call:
    """One API request on its way through."""

    request: web.BaseRequest
    route: Route
    correlation_id: str
    headers: dict[str, str] = field(default_factory=dict)
    """Of whatever is answered."""

    def headers_with(self, reply: Reply) -> dict[str, str]:
        """The headers of an answer, its own on top."""
        headers = self.headers
        if reply.timeless:
            headers = {k: v for k, v in headers.items() if not k.startswith(_OF_THE_LIMIT)}
        return {**headers, **reply.headers}


class Api:
    """Handles requests to /oauth/token and below /api."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self._options = state.options

    async def mint(self, request: web.BaseRequest) -> Reply | None:
        """Answer POST /oauth/token; None is a connection to be reset."""
        if request.method != "POST":
            return Refusal(405).reply(str(uuid.uuid4()))
        form = await request.read()
        fault = await self._draw(TOKEN_TARGET)
        if fault is None:
            return self._state.tokens.mint(request.headers.get("Authorization", ""), form)
        self._state.tokens.refused += 1
        return None if fault.kind is FaultKind.RESET_BEFORE else token_fault_reply(fault)

    async def answer(self, request: web.BaseRequest) -> Reply | None:
        """Answer an API request; None is a connection to be reset."""
        state = self._state
        route = find_route(request.raw_path)
        correlation_id = str(uuid.uuid4())
        call = _Call(request, route, correlation_id, {"ININ-Correlation-Id": correlation_id})
        if route.resource is Resource.TOKEN and request.method == "DELETE":
            return self._revoke(call)
        write = self._begin_write(call)
        reply: Reply | None = None
        state.enter(route.resource)
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
        return reply if reply.by_proxy else replace(reply, headers=call.headers_with(reply))

    def _revoke(self, call: _Call) -> Reply:
        """Answer DELETE tokens/me, which is no work: no limit and no count of requests has it."""
        try:
            token = self._state.tokens.check(call.request.headers.get("Authorization", ""))
        except Refusal as refusal:
            return replace(refusal.reply(call.correlation_id), headers=call.headers)
        token.revoke()
        self._state.counts.revoked += 1
        return Reply(200, headers=call.headers)

    def _begin_write(self, call: _Call) -> Write | None:
        request, route = call.request, call.route
        if request.method != "PATCH" or route.resource not in _WRITTEN:
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
            case Resource.TOKEN:
                return reads.token(self._state, token)
            case Resource.LIMITS:
                return reads.limits(self._state)
            case _:
                return await self._read(call)

    def _admit(self, token: Token, call: _Call) -> None:
        """Take a request into the windows of its token and of all tokens, or refuse it."""
        now_s = self._state.clock.now_s()
        self._state.arrive()
        if token.windows is not None:
            admission = token.windows.admit(now_s)
            if admission.admitted or self._options.headers_on_429:
                call.headers |= self._announced(admission)
            if not admission.admitted:
                raise self._throttled(admission, *reads.TOKEN_LIMIT)
        organization = self._state.organization
        if organization is not None:
            # The token's own headers go with this refusal: they show that it is another limit.
            admission = organization.admit(now_s)
            if not admission.admitted:
                raise self._throttled(admission, *reads.ORGANIZATION_LIMIT)

    def _announced(self, admission: Admission) -> dict[str, str]:
        reset_s = whole_seconds(admission.left_s, self._options.reset_rounding)
        values = {"count": admission.used, "allowed": admission.allowed, "reset": reset_s}
        return {f"{_OF_THE_LIMIT}{name}": str(value) for name, value in values.items()}

    def _throttled(self, admission: Admission, key: str, namespace: str) -> Refusal:
        self._state.refuse(by_organization=(key, namespace) == reads.ORGANIZATION_LIMIT)
        wait_s = max(1, whole_seconds(admission.left_s, self._options.reset_rounding))
        limit = {"key": key, "namespace": namespace, "value": admission.allowed}
        return too_many_requests(wait_s, limit)

    async def _draw(self, target: Target) -> Fault | None:
        """What goes wrong with a request, after it was held back as the faults say."""
        injection = self._state.injector.draw(target)
        if injection.delay_s:
            await self._state.clock.sleep(injection.delay_s)
        return injection.fault

    async def _read(self, call: _Call) -> Reply | None:
        """Answer a request for conversations; None is a connection to be reset."""
        what = call.route.resource
        ids = [call.route.conversation_id]
        if what is Resource.ANALYTICS:
            ids = find_ids(call.request.raw_path, most=self._options.analytics_max_ids)
        fault = await self._draw(read_target(what.name, ids))
        if fault is not None:
            is_cut = fault.kind is FaultKind.RESET_BEFORE
            return None if is_cut else fault_reply(fault, call.correlation_id)
        if what is Resource.ANALYTICS:
            return reads.analytics(self._state, ids)
        return reads.conversation(self._state, ids[0])

    async def _patch(self, call: _Call, write: Write) -> Reply | None:
        """Answer a PATCH; None is a connection to be reset."""
        fault = await self._draw(patch_target(write.conversation_id, write.participant_id))
        if fault is None:
            return await self._accept(call, write)
        match fault.kind:
            case FaultKind.RESET_BEFORE:
                return None
            case FaultKind.DROP:
                return await self._accept(call, write, fault)
            case FaultKind.RESET_AFTER | FaultKind.LATE:
                await self._accept(call, write, fault)
                return None
            case _:
                return fault_reply(fault, call.correlation_id)

    async def _accept(self, call: _Call, write: Write, fault: Fault | None = None) -> Reply:
        """Do what a PATCH asks for; `fault` may put its effect off, or lose it."""
        route, state = call.route, self._state
        body = await _read_body(call.request)
        if route.resource is Resource.PARTICIPANT:
            read_document(call.request.content_type, body)
            if state.conversations.find_participant(*route[1:3]) is None:
                raise Refusal(404)
            return Reply(202)
        attributes = read_attributes(call.request.content_type, body)
        write.keys = tuple(attributes)
        participant = state.open_participant(*route[1:3])
        if fault is not None and fault.kind is FaultKind.DROP:
            state.counts.dropped += 1
        elif fault is not None and fault.kind is FaultKind.LATE:
            state.store_late(participant, write, attributes, fault.ms / 1000)
        else:
            state.store(participant, write, attributes)
        # What was accepted, not what is stored: that is for a read to show.
        return json_reply(202, {"attributes": attributes}) if route.media else Reply(202)


async def _read_body(request: web.BaseRequest) -> bytes:
    check_size(request.content_length)
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise Refusal(413) from None
