"""`batchpatch doctor`: what a run would find, before there is one."""

from __future__ import annotations

from functools import partial
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING

from batchpatch.cli.options.declare import with_options
from batchpatch.cli.options.platform import PlatformFlags
from batchpatch.cli.options.reporting import ReportFlags
from batchpatch.cli.options.showing import ShowingFlags
from batchpatch.cli.options.trying_out import SandboxFlags, ServerFlags
from batchpatch.cli.output import emit_document, show
from batchpatch.cli.text import count, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.commands.doctor import Diagnosis


@with_options
def doctor(
    *,
    platform: PlatformFlags,
    showing: ShowingFlags,
    sandbox: SandboxFlags,
    server: ServerFlags,
) -> int:
    """Look at all that a run needs: credentials, network, clock, permissions, limits.

    Example: batchpatch doctor

    Nothing is written: a token is minted and revoked, and a few harmless reads tell what it may do.
    Exit code 0: nothing to mend; 4: there is, be it a permission that you may not need.
    """
    # Loaded here, because they bring the HTTP client with them.
    import asyncio  # noqa: PLC0415
    from contextlib import ExitStack  # noqa: PLC0415

    from batchpatch.cli.session import Session  # noqa: PLC0415
    from batchpatch.commands.doctor import doctor as look  # noqa: PLC0415

    session = Session(platform, sandbox, server, ReportFlags(quiet=True))
    session.check()  # a contradiction of flags is no finding
    with ExitStack() as stack:
        diagnosis = asyncio.run(
            look(lambda: stack.enter_context(session.account()), ca_file=platform.ca_path)
        )
    if showing.json:
        emit_document(_document(diagnosis))
    else:
        show(_lines(diagnosis))
    return diagnosis.exit_code


def _document(diagnosis: Diagnosis) -> dict[str, object]:
    who = diagnosis.identity
    return {
        "findings": [one._asdict() for one in diagnosis.findings],
        "identity": None if who is None else who._asdict(),
        "problems": diagnosis.problems,
        "exit_code": int(diagnosis.exit_code),
    }


def _lines(diagnosis: Diagnosis) -> Iterator[str]:
    name_chars = max(len(one.check) for one in diagnosis.findings)
    indent = " " * (name_chars + 12)
    columns = max(60, min(100, get_terminal_size().columns))
    wrapped = partial(wrap, width=columns, break_long_words=False, break_on_hyphens=False)
    for one in diagnosis.findings:
        first = f"{one.state:<8}  {one.check:<{name_chars}}  "
        yield from wrapped(first + printable(one.text), subsequent_indent=indent)
        yield from wrapped(one.mend, initial_indent=indent, subsequent_indent=indent)
    problems = diagnosis.problems
    yield f"{count(problems, 'problem')} to mend." if problems else "Nothing to mend."
