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
    from collections.abc import Iterator, Sequence
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
def ending(numbers: Sequence[signal.Signals]) -> Iterator[None]:
    """Around what takes the handlers of the work away: no signal comes in between.

    Afterwards the first signal changes nothing more, because the work is over and only its report
    is to be shown; the second one leaves.
    """
    mask = getattr(signal, "pthread_sigmask", lambda *_: None)
    mask(getattr(signal, "SIG_BLOCK", 0), numbers)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, _ignore_once)
        mask(getattr(signal, "SIG_UNBLOCK", 0), numbers)


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
