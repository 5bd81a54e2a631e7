"""Deadlines of requests, all equally far away: one timer serves all of them.

As `asyncio.timeout`, of which each request would need one of its own, and that costs as much as a
tenth of what sending it does. Whose deadline comes next is known without a heap: the first in is
the first to be over.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import Task


class Deadlines:
    """Cancels tasks whose time is over. Belongs to one event loop.

    A task has one deadline at a time. Where it is over, `CancelledError` is raised in the task, and
    `is_over` tells it from a cancellation that somebody else has asked for.
    """

    def __init__(self, after_s: float) -> None:
        """`after_s` is how long each of them may take."""
        self._after_s = after_s
        self._loop = asyncio.get_running_loop()
        self._began_s: dict[Task[Any], float] = {}
        """By task, the longest first."""
        self._cancelled: dict[Task[Any], int] = {}
        """Tasks whose time is over, and how often they had been cancelled by somebody else."""
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> Task[Any]:
        """Give the task that calls this its time; `end` must follow."""
        task = asyncio.current_task(self._loop)
        if task is None:
            raise RuntimeError("only a task can be cancelled")
        self._began_s[task] = now_s = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_at(now_s + self._after_s, self._look)
        return task

    def is_over(self, task: Task[Any]) -> bool:
        """True where a `CancelledError` means that, and nobody else has cancelled the task."""
        before = self._cancelled.pop(task, None)
        return before is not None and task.uncancel() <= before

    def end(self, task: Task[Any]) -> float:
        """Take the deadline away; returns when it would have been, on the loop's clock."""
        if self._cancelled and self._cancelled.pop(task, None) is not None:
            task.uncancel()
        return self._began_s.pop(task) + self._after_s

    def close(self) -> None:
        """Cancel nobody any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer, now_s = None, self._loop.time()
        for task, began_s in self._began_s.items():
            if task in self._cancelled:
                continue
            if began_s + self._after_s > now_s:
                self._timer = self._loop.call_at(began_s + self._after_s, self._look)
                break
            self._cancelled[task] = task.cancelling()
            task.cancel()
