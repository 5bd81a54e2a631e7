"""The flags about finding participants, and about looking before and after a PATCH."""

from __future__ import annotations

from typing import Annotated, Literal, cast

import typer

from batchpatch.options.read import FindOptions
from batchpatch.options.send import Safeguards, VerifyOptions
from batchpatch.options.spelling import parse_duration, parse_verify

FINDING = "How participants are found"


LOOKING = "What is looked at before and after"


Participant = Annotated[
    str | None,
    typer.Option(
        metavar="WHO",
        help="For rows without a participant id: customer (or another purpose), userId=ID, "
        "externalContactId=ID, address=+1555, match.NAME=VALUE.",
        rich_help_panel=FINDING,
    ),
]


Ambiguous = Annotated[
    Literal["refuse", "first", "last", "all"],
    typer.Option(
        help="Where several participants fit: an invalid row, or these.", rich_help_panel=FINDING
    ),
]


LookupBatch = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=1,
        max=1000,
        help="Conversations that are looked up with one request.",
        rich_help_panel=FINDING,
    ),
]


Ended = Annotated[
    Literal["skip", "warn", "send"],
    typer.Option(
        help="Conversations that have ended, where that is known (skip looks all of them up): what "
        "is written after the end does not reach analytics.",
        rich_help_panel=FINDING,
    ),
]


LiveFirst = Annotated[
    bool,
    typer.Option(
        "--live-first",
        help="Conversations that have not ended go first, as far as --window reaches.",
        rich_help_panel=FINDING,
    ),
]


SkipUnchanged = Annotated[
    bool,
    typer.Option(
        "--skip-unchanged",
        help="Read first, send only what differs: one more request for each conversation, one "
        "less for each participant that has it all.",
        rich_help_panel=LOOKING,
    ),
]


Guard = Annotated[
    bool,
    typer.Option(
        "--guard",
        help="With a plan: read first, and send nothing to a participant whose value is no longer "
        "the plan's `before`. It narrows a race, and cannot close it.",
        rich_help_panel=LOOKING,
    ),
]


KeepBefore = Annotated[
    bool,
    typer.Option(
        "--keep-before",
        help="Read first and keep the values before, so that `batchpatch undo` can restore them. "
        "A plan brings its own.",
        rich_help_panel=LOOKING,
    ),
]


Verify = Annotated[
    str | None,
    typer.Option(
        metavar="[P%]",
        help="Read back what was accepted until it is there: all of it, or a sample such as "
        "--verify 5%.",
        rich_help_panel=LOOKING,
    ),
]


VerifyFor = Annotated[
    str,
    typer.Option(
        metavar="TIME", help="How long a value may take to be there.", rich_help_panel=LOOKING
    ),
]


def find_options(*, lookup_batch: int, ambiguous: str, ended: str, live_first: bool) -> FindOptions:
    """The finding room's options."""
    return FindOptions(
        lookup_batch=lookup_batch,
        ambiguous=cast("Literal['refuse', 'first', 'last', 'all']", ambiguous),
        ended=cast("Literal['skip', 'warn', 'send']", ended),
        learn_ended=live_first or ended == "skip",
    )


def safeguards(
    *,
    guard: bool,
    skip_unchanged: bool,
    keep_before: bool,
    verify: str | None,
    verify_for: str,
) -> Safeguards:
    """What is looked at.

    Raises:
        SettingsError: a flag that cannot be read.
    """
    return Safeguards(
        guard=guard,
        skip_unchanged=skip_unchanged,
        keep_before=keep_before,
        verify=VerifyOptions(
            share=parse_verify(verify) if verify is not None else 0.0,
            for_s=parse_duration(verify_for, flag="--verify-for"),
        ),
    )


_ALONE = frozenset(
    {
        *("--all-columns", "--live-first", "--skip-unchanged", "--guard", "--keep-before"),
        *("--no-spool", "--json", "--quiet", "-q", "--verbose", "-v", "--yes", "-y"),
        *("--dry-run", "--sandbox", "--force", "--verify"),
    }
)
"""Flags without a value: what follows them is no value of theirs."""


def with_verify_value(words: list[str]) -> list[str]:
    """Give a bare `--verify` its value: the flag may stand alone, and typer knows no such thing."""
    given: list[str] = []
    before = ""
    for number, word in enumerate(words):
        if word == "--":
            return given + words[number:]
        following = words[number + 1] if number + 1 < len(words) else ""
        is_value = before.startswith("-") and before not in _ALONE and "=" not in before
        if word == "--verify" and not is_value and not _is_share(following):
            word = "--verify=100%"  # noqa: PLW2901 - the word that is meant
        given.append(word)
        before = word
    return given


def _is_share(word: str) -> bool:
    return word.endswith("%") or word.replace(".", "", 1).isdigit()
