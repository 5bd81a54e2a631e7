"""The question before a real organisation is written to."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from batchpatch.cli.output import ask, say
from batchpatch.cli.run_text import UNNAMED
from batchpatch.cli.text import about, count, printable
from batchpatch.errors import SettingsError
from batchpatch.genesys.account.regions import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchpatch.genesys.account.credentials import Account
    from batchpatch.pipeline.intent import Intent, Question

_TERMINAL = Path("/dev/tty")
_YES = {"y", "yes"}


def question_for(
    account: Account, *, yes: bool, what: str, inputs: Sequence[str] = ()
) -> Question | None:
    """Who is asked before anything is written; None where nobody has to be.

    Args:
        account: whose hosts are this machine's in a sandbox, which is nobody's data.
        yes: it was said already.
        what: the command, as in `undo of DIR`.
        inputs: standard input may be one of them: then it holds no answer.
    """
    if yes or is_loopback(account.hosts.api_url):
        return None
    return TerminalQuestion(what, on_stdin="-" not in inputs)


class TerminalQuestion(NamedTuple):
    """The question on a terminal, and its answer from there."""

    what: str
    on_stdin: bool
    """Standard input may hold the answer."""

    def __call__(self, intent: Intent) -> bool:
        """Ask; True for a yes."""
        say(*question_lines(intent, self.what))
        return _answer(on_stdin=self.on_stdin).strip().lower() in _YES

    def refuse_unheard(self) -> None:
        """Raise SettingsError where there is no terminal."""
        if not _can_ask(on_stdin=self.on_stdin):
            raise SettingsError(
                f"{self.what} would write to a real organisation, and there is no terminal to ask"
                " on: add --yes, or set BATCHPATCH_YES=1."
            )


def _can_ask(*, on_stdin: bool) -> bool:
    """Whether somebody sees the question, and can answer it."""
    if not sys.stderr.isatty():
        return False
    if on_stdin and sys.stdin is not None and sys.stdin.isatty():
        return True
    with suppress(OSError), _TERMINAL.open():
        return True
    return False


def _answer(*, on_stdin: bool) -> str:
    """A line that somebody types; empty at the end of input."""
    with suppress(OSError), _answers(on_stdin=on_stdin) as stream:
        return ask("Go on? [y/N] ", stream.readline)
    return ""


@contextmanager
def _answers(*, on_stdin: bool) -> Iterator[TextIO]:
    if on_stdin and sys.stdin is not None and sys.stdin.isatty():
        yield sys.stdin
        return
    with _TERMINAL.open() as stream:
        yield stream


def question_lines(intent: Intent, what: str) -> list[str]:
    """What somebody has to know before they say yes."""
    lines = [f"{what} is about to write to {_organisation(intent)}, region {intent.region}."]
    client = (intent.identity.client_name if intent.identity else None) or intent.client_id
    if client:
        lines.append(f"  OAuth client: {printable(client)}")
    lines.append(f"  {_size(intent)}")
    if intent.keeps_before:
        lines.append(f"  The values before are kept: {intent.restored}.")
    else:
        lines.append("  No --keep-before: the values before are not kept, it cannot be undone.")
    return lines


def _organisation(intent: Intent) -> str:
    who = intent.identity
    if who is None:
        return UNNAMED
    return printable(f"{who.organisation_name or 'the organisation'} ({who.organisation})")


def _size(intent: Intent) -> str:
    cost = intent.cost
    if intent.rows is None or cost is None:
        return "How many rows is not known: they come through a pipe."
    bound = "at most about" if cost.is_bound else "about"
    text = f"About {count(intent.rows, 'row')}, {bound} {count(cost.requests, 'request')}"
    if cost.looks:
        text += f", {cost.looks:,} of them look-ups and reads"
    return text if intent.duration_s is None else f"{text}: {about(intent.duration_s)}"
