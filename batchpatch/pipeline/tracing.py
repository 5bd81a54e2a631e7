"""Spans of OpenTelemetry, one for each patch; loaded only where somebody asks for them.

Where one call has led to the patch, the call's own span is the parent; where several have merged
into it, the patch links to theirs. A request that the HTTP client makes is a child of the patch.
"""

from __future__ import annotations

from asyncio import CancelledError
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import context, propagate, trace
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

    from batchpatch.model import Delivery, Patch
    from batchpatch.pipeline.step import Step

NAME = "batchpatch.patch"


class Callers:
    """The contexts of those who wait for rows, by the numbers of these."""

    def __init__(self) -> None:
        self._contexts: dict[int, Context] = {}

    def note(self, number: int) -> None:
        """The row was put in from here."""
        self._contexts[number] = context.get_current()

    def forget(self, number: int) -> None:
        """The row is settled."""
        self._contexts.pop(number, None)

    def of(self, patch: Patch) -> list[Context]:
        """Of those whose rows these are."""
        found = (self._contexts.get(row.number) for row in patch.rows)
        return [one for one in found if one is not None]


@contextmanager
def within_caller(headers: Mapping[str, str]) -> Iterator[None]:
    """What this task does is a part of what the headers of a request name, in `traceparent`.

    Where the server is instrumented by others, it is a part of theirs already.
    """
    if trace.get_current_span().get_span_context().is_valid:
        yield
        return
    token = context.attach(propagate.extract(headers))
    try:
        yield
    finally:
        context.detach(token)


class TracedStep:
    """A step with a span around each patch; see `Step`."""

    def __init__(self, step: Step, tracer: Tracer, callers: Callers | None) -> None:
        """`callers` know who waits for a row; None where nobody does."""
        self._step = step
        self._tracer = tracer
        self._callers = callers
        self._unverified: dict[int, Span] = {}
        """Of patches that were accepted and are yet to be read back, by number."""
        self.sends = step.sends
        self.recordable = step.recordable
        self.remaining = step.remaining
        self.stop = step.stop

    async def take(self, patch: Patch) -> Delivery:
        """As the step."""
        span = self._begin(patch)
        try:
            with _current(span):
                delivery = await self._step.take(patch)
        except BaseException as error:
            _fail(span, error)
            raise
        if delivery.to_verify:
            self._unverified[patch.number] = span
        else:
            _end(span, delivery)
        return delivery

    async def verify(self, delivery: Delivery) -> Delivery:
        """As the step."""
        span = self._unverified.pop(delivery.patch.number)
        try:
            with _current(span):
                verified = await self._step.verify(delivery)
        except BaseException as error:
            _fail(span, error)
            raise
        _end(span, verified)
        return verified

    def close(self) -> None:
        """As the step; what was accepted and not read back has ended, too."""
        while self._unverified:
            _, span = self._unverified.popitem()
            _fail(span, CancelledError())
        self._step.close()

    def _begin(self, patch: Patch) -> Span:
        parent, links = self._related(patch)
        return self._tracer.start_span(
            NAME,
            context=parent,
            kind=SpanKind.CLIENT,
            links=links,
            attributes={
                "batchpatch.conversation_id": patch.conversation_id,
                "batchpatch.participant_id": patch.participant_id,
                "batchpatch.patch": patch.number,
                "batchpatch.rows": len(patch.rows),
            },
        )

    def _related(self, patch: Patch) -> tuple[Context | None, list[Link]]:
        """The parent of a patch, and its links; of a batch the parent is whoever has begun that."""
        if self._callers is None:
            return None, []
        callers = self._callers.of(patch)
        if len(callers) == len(patch.rows) == 1:
            return callers[0], []
        spans = [trace.get_current_span(one).get_span_context() for one in callers]
        return context.Context(), [Link(one) for one in spans if one.is_valid]


def _current(span: Span) -> AbstractContextManager[Span]:
    return trace.use_span(
        span, end_on_exit=False, record_exception=False, set_status_on_exception=False
    )


def _end(span: Span, delivery: Delivery) -> None:
    """The worst of its parts is what came of it."""
    outcomes = [outcome for _, outcome in delivery.parts]
    worst = max(outcomes, key=lambda one: one.outcome.severity)
    span.set_attributes(
        {
            "batchpatch.outcome": worst.outcome.value,
            "batchpatch.attempts": sum(one.attempts for one in outcomes),
        }
    )
    if worst.status is not None:
        span.set_attribute("http.response.status_code", worst.status)
    if not worst.outcome.made_it:
        span.set_attribute("error.type", worst.code or worst.outcome.value)
        span.set_status(Status(StatusCode.ERROR))
    span.end()


def _fail(span: Span, error: BaseException) -> None:
    """Only the name: the text may be anybody's."""
    span.set_attribute("error.type", error.__class__.__name__)
    span.set_status(Status(StatusCode.ERROR))
    span.end()
