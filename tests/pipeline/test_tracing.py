"""Spans: one a patch, in the trace of whoever has asked for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from sending_doubles import ScriptedCaller

from batchpatch.errors import OutageError
from batchpatch.model import Delivery, Outcome, Patch, PatchOutcome, Row
from batchpatch.pipeline.tracing import Callers, TracedStep, within_caller
from batchpatch.service.patcher import Patcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import ReadableSpan

C = "11111111-1111-4111-8111-111111111111"
P = "22222222-2222-4222-8222-222222222222"
UPDATED = PatchOutcome(Outcome.UPDATED, 202, attempts=2)


class Spans:
    """A tracer, and what it has made."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = provider.get_tracer("test")

    def all(self) -> tuple[ReadableSpan, ...]:
        """Those that have ended."""
        return self._exporter.get_finished_spans()


class ScriptedStep:
    """Answers as it is told, and notes in which span it is asked."""

    sends = True

    def __init__(self, outcome: PatchOutcome | Exception, *, to_verify: bool = False) -> None:
        self._outcome = outcome
        self._to_verify = to_verify
        self.within: list[int] = []

    async def take(self, patch: Patch) -> Delivery:
        self.within.append(trace.get_current_span().get_span_context().span_id)
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return Delivery(patch, [(patch, self._outcome)], to_verify=self._to_verify)

    async def verify(self, delivery: Delivery) -> Delivery:
        lost = UPDATED._replace(outcome=Outcome.NOT_STORED, code="not_stored")
        return Delivery(delivery.patch, [(delivery.patch, lost)])

    def recordable(self, delivery: Delivery) -> list[Delivery]:
        return [delivery]

    def remaining(self) -> list[Delivery]:
        return []

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def spans() -> Spans:
    """Nothing has been traced yet."""
    return Spans()


def patch_of(*numbers: int) -> Patch:
    """A patch of these rows."""
    rows = tuple(Row(number, number, 0, C, P, ("a",), ("private",)) for number in numbers)
    return Patch(7, rows, {"a": "private"})


def traced(step: ScriptedStep, spans: Spans, callers: Callers | None = None) -> TracedStep:
    """A step with spans around it."""
    return TracedStep(step, spans.tracer, callers)


def test_a_patch_is_a_span_that_says_what_came_of_it(spans: Spans) -> None:
    """Whoever looks at a trace asks who was written, with what result; and no value is there."""
    asyncio.run(traced(ScriptedStep(UPDATED), spans).take(patch_of(1)))
    (span,) = spans.all()
    assert span.name == "batchpatch.patch"
    assert span.attributes == {
        "batchpatch.conversation_id": C,
        "batchpatch.participant_id": P,
        "batchpatch.patch": 7,
        "batchpatch.rows": 1,
        "batchpatch.outcome": "updated",
        "batchpatch.attempts": 2,
        "http.response.status_code": 202,
    }
    assert span.status.status_code is StatusCode.UNSET


def test_one_call_is_the_parent_of_its_patch(spans: Spans) -> None:
    """The trace of the webhook goes on into the request that it has caused."""
    callers, step = Callers(), ScriptedStep(UPDATED)
    with spans.tracer.start_as_current_span("webhook") as webhook:
        callers.note(1)
    asyncio.run(traced(step, spans, callers).take(patch_of(1)))
    _, span = spans.all()
    assert span.parent is not None
    assert span.parent.span_id == webhook.get_span_context().span_id
    assert step.within == [span.context.span_id]


def test_calls_that_merge_are_linked(spans: Spans) -> None:
    """One request serves them all, and no trace may pretend that it is that one's alone."""
    callers = Callers()
    asked = []
    for number in (1, 2):
        with spans.tracer.start_as_current_span("webhook") as webhook:
            callers.note(number)
            asked.append(webhook.get_span_context().span_id)
    asyncio.run(traced(ScriptedStep(UPDATED), spans, callers).take(patch_of(1, 2)))
    span = spans.all()[-1]
    assert span.parent is None
    assert [link.context.span_id for link in span.links] == asked


def test_the_headers_of_a_request_name_its_span(spans: Spans) -> None:
    """What calls over HTTP is another process: the standard header carries its trace."""
    callers = Callers()
    with within_caller({"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}):
        callers.note(1)
    asyncio.run(traced(ScriptedStep(UPDATED), spans, callers).take(patch_of(1)))
    (span,) = spans.all()
    assert span.context.trace_id == int("ab" * 16, 16)


def test_a_row_that_is_settled_keeps_no_context() -> None:
    """A service that runs for weeks would hold the context of every call it had."""
    callers = Callers()
    callers.note(1)
    callers.forget(1)
    assert callers.of(patch_of(1)) == []


def test_the_span_lasts_until_it_was_read_back(spans: Spans) -> None:
    """What was accepted and is not there is the outcome that counts."""
    step = traced(ScriptedStep(UPDATED, to_verify=True), spans)

    async def both() -> None:
        delivery = await step.take(patch_of(1))
        assert spans.all() == ()
        await step.verify(delivery)

    asyncio.run(both())
    (span,) = spans.all()
    attributes: Any = span.attributes
    assert attributes["batchpatch.outcome"] == attributes["error.type"] == "not_stored"
    assert span.status.status_code is StatusCode.ERROR


def test_what_ends_the_run_ends_the_span(spans: Spans) -> None:
    """With the name of the error alone: its text may hold what a log must not."""
    step = traced(ScriptedStep(OutageError("private")), spans)
    with pytest.raises(OutageError):
        asyncio.run(step.take(patch_of(1)))
    (span,) = spans.all()
    assert (span.attributes or {})["error.type"] == "OutageError"
    assert "private" not in span.to_json()


class EndingStep(ScriptedStep):
    """Of two patches that come back in one turn of the loop, the first ends the run."""

    def __init__(self) -> None:
        super().__init__(UPDATED, to_verify=True)
        self._both = asyncio.Event()
        self._patches = 0

    async def take(self, patch: Patch) -> Delivery:
        self._patches += 1
        if self._patches == 2:
            asyncio.get_running_loop().call_soon(self._both.set)
        await self._both.wait()
        if patch.number == 1:
            raise OutageError("private")
        return await super().take(patch)


def test_a_look_that_never_began_ends_its_span(
    spans: Spans, make_job: Callable[..., Any], run_virtual: Callable[[Any], None]
) -> None:
    """Cancelled before its first step, the task that reads back closes nothing itself."""
    step = traced(EndingStep(), spans)
    rows = [Row(number, number, 0, C, f"{P[:-1]}{number}", ("a",), ("x",)) for number in (1, 2)]

    async def run() -> None:
        job = make_job(rows, ScriptedCaller(), step=step)
        with pytest.raises(OutageError):
            await job.work(workers=2, observe=None)
        assert job.gauge.verifying == 0

    run_virtual(run())
    errors = {(span.attributes or {})["error.type"] for span in spans.all()}
    assert (len(spans.all()), errors) == (2, {"OutageError", "CancelledError"})


def test_a_call_of_the_library_is_the_parent_of_its_patch(spans: Spans) -> None:
    """The whole way, from the caller's task to the worker that sends."""

    async def call() -> int:
        async with Patcher(sandbox=True, tracer=spans.tracer) as patcher:
            with spans.tracer.start_as_current_span("webhook") as webhook:
                result = await patcher.patch(C, {"tier": "private"}, participant=P)
            assert result.outcome is Outcome.UPDATED
        return webhook.get_span_context().span_id

    asked = asyncio.run(call())
    span = next(one for one in spans.all() if one.name == "batchpatch.patch")
    assert span.parent is not None
    assert span.parent.span_id == asked
    assert "private" not in span.to_json()
