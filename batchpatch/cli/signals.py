"""Signals outside of the event loop: before the work an end in one line, after it none at all.

While the loop runs, `session` handles them. Ctrl-C, SIGTERM and SIGHUP (a terminal that goes away)
mean the same: stop. Under `nohup`, SIGHUP stays ignored.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from batchpatch.errors import ExitCode

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Iterator
    from types import FrameType


class Interrupted(KeyboardInterrupt):
    """A signal came while no loop was running; its text is the signal's name."""


def stop_numbers() -> list[signal.Signals]:
    """The signals that stop the work, as far as the system has them."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    hang_up = getattr(signal, "SIGHUP", None)
    if hang_up is not None and signal.getsignal(hang_up) != signal.SIG_IGN:
        numbers.append(hang_up)
    return numbers


def interrupt_early() -> None:
    """From now on a signal raises `Interrupted`."""
    for number in stop_numbers():
        signal.signal(number, _interrupt)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    raise Interrupted(signal.Signals(number).name)


_exit_code: list[int] = []
"""Of the work that is over, once it is known."""


@contextmanager
def handled_on(loop: AbstractEventLoop, act: Callable[[str], None]) -> Iterator[None]:
    """Within, a signal calls `act` on the loop with its name.

    Afterwards the first signal changes nothing more, because the work is over and only its report
    is to be shown; the second one leaves. `loop.add_signal_handler` would not do: whatever removes
    its handlers sets the default action in between, with which a signal ends the process, and to
    block signals meanwhile holds them back from one thread only.
    """

    def call(number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(act, signal.Signals(number).name)

    numbers = stop_numbers()
    with _woken(loop):
        try:
            for number in numbers:
                signal.signal(number, call)
            yield
        finally:
            for number in numbers:
                signal.signal(number, _ignore_once)


@contextmanager
def _woken(loop: AbstractEventLoop) -> Iterator[None]:
    """A signal wakes the loop, whichever thread it came to; Python then runs its handler."""
    reading, writing = os.pipe()

    def drain() -> None:
        os.read(reading, 4096)  # in a function of Python's, at whose start signals are looked for

    try:
        try:
            loop.add_reader(reading, drain)
        except NotImplementedError:  # Windows, whose loop sees to it itself
            yield
            return
        os.set_blocking(writing, False)
        before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            loop.remove_reader(reading)
    finally:
        os.close(reading)
        os.close(writing)


def keep_exit_code(code: int) -> None:
    """What the process ends with from now on, whatever signal comes."""
    _exit_code.append(code)


def _ignore_once(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, _leave)


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(_exit_code[-1] if _exit_code else ExitCode.INTERRUPTED)


def ignore_all() -> None:
    """From now on no signal does anything: the exit code is decided, and the process is leaving."""
    for number in stop_numbers():
        signal.signal(number, signal.SIG_IGN)
