"""Progress without a terminal: a line now and then, and whenever it waits for something else."""

from __future__ import annotations

from batchpatch.cli.progress import PlainLines
from batchpatch.model import Progress


def at(elapsed_s: float, waiting_for: str | None = None) -> Progress:
    """A look at a run of which nothing else matters."""
    return Progress(
        rows_read=10,
        outcomes={"updated": 5},
        settled_before=0,
        requests=5,
        throttled=0,
        waiting_for=waiting_for,
        elapsed_s=elapsed_s,
        rows_expected=10,
    )


def lines_of(*seen: Progress, every_s: float = 60.0) -> list[str]:
    """What is written when these are seen, one after the other."""
    written: list[str] = []
    show = PlainLines(every_s=every_s, write=written.append)
    for progress in seen:
        show(progress)
    return written


def test_a_log_gets_a_line_so_often() -> None:
    """A run of thirteen hours leaves 800 lines of log, not 10,000."""
    assert len(lines_of(*(at(second / 4) for second in range(4 * 181)))) == 3


def test_the_pace_of_the_log_can_be_chosen() -> None:
    """--log-every 10s, for whoever watches."""
    assert len(lines_of(*(at(second / 4) for second in range(4 * 61)), every_s=10)) == 6


def test_a_new_wait_is_said_at_once_and_only_once() -> None:
    """Whoever reads the log sees what holds the run up, though its seconds count down."""
    waits = [at(10 + second / 4, f"the outage to end, {200 - second} s") for second in range(100)]
    others = [at(40 + second / 4, f"its turn, {second}") for second in range(20)]
    lines = lines_of(at(1), *waits, *others)
    assert ["outage" in line for line in lines] == [True, False]
    assert "its turn" in lines[1]


def test_the_usual_pace_is_no_wait() -> None:
    """Between two requests of a limited run there is a moment of waiting, four times a second."""
    seen = [at(second / 4, "its turn" if second % 2 else None) for second in range(100)]
    assert lines_of(*seen) == []
