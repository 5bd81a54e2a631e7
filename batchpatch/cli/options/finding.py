"""The flags of the second stage: how participants are found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from batchpatch.cli.options.declare import Options, Reach, flag
from batchpatch.options.spelling import parse_text, parse_whole

if TYPE_CHECKING:
    from batchpatch.options.read import FindOptions


@dataclass(frozen=True, kw_only=True)
class FindingFlags(Options):
    """How participants are found."""

    TITLE: ClassVar[str] = "How participants are found"
    REACH: ClassVar[Reach] = Reach.ANYWHERE

    participant: str | None = flag(
        "--participant",
        "For rows without a participant id: customer (or another purpose), userId=ID, "
        "externalContactId=ID, address=+1555, match.NAME=VALUE.",
        metavar="WHO",
        parse=parse_text,
        everyday="Whom, where rows name no participant: customer, ...",
    )
    ambiguous: Literal["refuse", "first", "last", "all"] = flag(
        "--ambiguous",
        "Where several participants fit: an invalid row, or these.",
        default="refuse",
        choices=("refuse", "first", "last", "all"),
        shown="refuse",
    )
    lookup_batch: int = flag(
        "--lookup-batch",
        "Conversations that are looked up with one request.",
        default=100,
        metavar="N",
        parse=partial(parse_whole, least=1, most=1000),
        shown="100",
    )
    ended: Literal["skip", "warn", "send"] = flag(
        "--ended",
        "Conversations that have ended, where that is known (skip looks all of them up): what is "
        "written after the end does not reach analytics.",
        default="warn",
        choices=("skip", "warn", "send"),
        shown="warn",
    )
    live_first: bool = flag(
        "--live-first",
        "Conversations that have not ended go first, as far as --window reaches.",
        default=False,
    )

    def options(self) -> FindOptions:
        """The options of finding."""
        from batchpatch.options.read import FindOptions  # noqa: PLC0415 - not for --help

        return FindOptions(
            lookup_batch=self.lookup_batch,
            ambiguous=self.ambiguous,
            ended=self.ended,
            learn_ended=self.live_first or self.ended == "skip",
        )
