"""The platform's API: one request in, one reply out. The HTTP server is around it."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from batchpatch.sandbox import reads, wrapup
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
)
from batchpatch.sandbox.routes import (
    METHODS,
    WRITES,
    Resource,
    Route,
    check_route,
    find_ids,
    find_route,
)
from batchpatch.sandbox.tokens import (
    ORGANIZATION_LIMIT,
    TOKEN_LIMIT,
    limit_headers,
    over_the_limit,
)
from batchpatch.sandbox.writes import Effect

if TYPE_CHECKING:
    from batchpatch.sandbox.faults import Fault
    from batchpatch.sandbox.state import SandboxState
    from batchpatch.sandbox.tokens import Token
    from batchpatch.sandbox.writes import Write


@dataclass(slots=True)
class _Call:
    """One API request on its way through."""

    request: web.BaseRequest
    route: Route
    correlation_id: str
    limit_headers: dict[str, str] = field(default_factory=dict)

    def finished(self, reply: Reply) -> Reply:
        """The answer with the headers that the platform's answers have, its own on top."""
        headers = {"ININ-Correlation-Id": self.correlation_id}
        headers |= {} if reply.timeless else self.limit_headers
        return Reply(reply.status, reply.body, reply.content_type, {**headers, **reply.headers})


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
        call = _Call(request, route, str(uuid.uuid4()))
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
        if reply is None or reply.by_proxy:
            return reply
        return call.finished(reply)

    def _revoke(self, call: _Call) -> Reply:
        """Answer DELETE tokens/me, which is no work: no limit and no count of requests has it."""
        try:
            token = self._state.tokens.check(call.request.headers.get("Authorization", ""))
        except Refusal as refusal:
            return call.finished(refusal.reply(call.correlation_id))
        token.revoke()
        self._state.counts.revoked += 1
        return call.finished(Reply(200))

    def _begin_write(self, call: _Call) -> Write | None:
        request, route = call.request, call.route
        if route.resource not in WRITES or request.method != METHODS[route.resource]:
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
        state, rounding = self._state, self._options.reset_rounding
        now_s = state.clock.now_s()
        state.arrive()
        if token.windows is not None:
            admission = token.windows.admit(now_s)
            if admission.admitted or self._options.headers_on_429:
                call.limit_headers = limit_headers(admission, rounding)
            if not admission.admitted:
                state.refuse(by_organization=False)
                raise over_the_limit(TOKEN_LIMIT, admission, rounding)
        if state.organization is not None:
            # The token's own headers go with this refusal: they show that it is another limit.
            admission = state.organization.admit(now_s)
            if not admission.admitted:
                state.refuse(by_organization=True)
                raise over_the_limit(ORGANIZATION_LIMIT, admission, rounding)

    async def _draw(self, target: Target) -> Fault | None:
        """What goes wrong with a request, after it was held back as the faults say."""
        injection = self._state.injector.draw(target)
        if injection.delay_s:
            await self._state.clock.sleep(injection.delay_s)
        return injection.fault

    async def _read(self, call: _Call) -> Reply | None:
        """Answer a request that reads; None is a connection to be reset."""
        route = call.route
        ids = [route.conversation_id]
        if route.resource is Resource.ANALYTICS:
            ids = find_ids(call.request.raw_path, most=self._options.analytics_max_ids)
        what = "/".join(filter(None, (route.resource.name, route.participant_id, route.other_id)))
        fault = await self._draw(read_target(what, ids))
        if fault is None:
            return self._shown(call, ids)
        is_cut = fault.kind is FaultKind.RESET_BEFORE
        return None if is_cut else fault_reply(fault, call.correlation_id)

    def _shown(self, call: _Call, ids: list[str]) -> Reply:
        state, route = self._state, call.route
        query = call.request.raw_path.partition("?")[2]
        match route.resource:
            case Resource.ANALYTICS:
                return reads.analytics(state, ids)
            case Resource.WRAPUP:
                return wrapup.shown(state, route)
            case Resource.WRAPUP_CODES:
                return wrapup.codes_of_participant(state, route)
            case Resource.CODES:
                return wrapup.codes_of_organization(state, query)
            case Resource.QUEUE_CODES:
                return wrapup.codes_of_queue(state, route.other_id, query)
            case _:
                return reads.conversation(state, route.conversation_id)

    async def _patch(self, call: _Call, write: Write) -> Reply | None:
        """Answer a request that writes; None is a connection to be reset."""
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
        """Do what a write asks for; `fault` may put its effect off, or lose it."""
        state = self._state
        effect = self._effect(call, write, await _read_body(call.request))
        if effect.apply is None:
            return effect.reply
        if fault is not None and fault.kind is FaultKind.DROP:
            state.counts.dropped += 1
        elif fault is not None and fault.kind is FaultKind.LATE:
            state.store_late(write, effect.apply, fault.ms / 1000)
        else:
            state.store(write, effect.apply)
        return effect.reply

    def _effect(self, call: _Call, write: Write, body: bytes) -> Effect:
        route, content_type = call.route, call.request.content_type
        if route.resource is not Resource.ATTRIBUTES:
            document = read_document(content_type, body)
            return wrapup.set_wrapup(self._state, route, document, write)
        attributes = read_attributes(content_type, body)
        write.keys = tuple(attributes)
        participant = self._state.open_participant(*route[1:3])
        # What was accepted, not what is stored: that is for a read to show.
        reply = json_reply(202, {"attributes": attributes}) if route.media else Reply(202)
        return Effect(lambda: participant.attributes.update(attributes), reply)


async def _read_body(request: web.BaseRequest) -> bytes:
    check_size(request.content_length)
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise Refusal(413) from None
