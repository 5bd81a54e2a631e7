"""The flags of sending: what is looked at besides, how fast it goes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from batchpatch.cli.options.declare import Options, Reach, flag
from batchpatch.options.bounds import MOST_TOKENS
from batchpatch.options.run import (
    DEFAULT_CONNECT,
    DEFAULT_POLICY,
    LIVE_WINDOW_ROWS,
    ConnectOptions,
    MergeOptions,
    PaceOptions,
    RetryPolicy,
    Safeguards,
    VerifyOptions,
)
from batchpatch.options.spelling import (
    parse_duration,
    parse_rate,
    parse_share,
    parse_text,
    parse_verify,
    parse_whole,
)

if TYPE_CHECKING:
    from batchpatch.options.run import Rate


def parse_cap(text: str, *, flag: str) -> tuple[Rate | None]:
    """A rate that was named; of one element, because `none` is not the same as no flag.

    Raises:
        SettingsError: it is no rate.
    """
    return (parse_rate(text, flag=flag),)


@dataclass(frozen=True, kw_only=True)
class LookingFlags(Options):
    """What is read before a PATCH."""

    TITLE: ClassVar[str] = "What is looked at before and after"
    REACH: ClassVar[Reach] = Reach.ANYWHERE

    skip_unchanged: bool = flag(
        "--skip-unchanged",
        "Read first, send only what differs: one more request for each conversation, one less for "
        "each participant that has it all.",
        default=False,
    )
    guard: bool = flag(
        "--guard",
        "With a plan: read first, and send nothing to a participant whose value is no longer the "
        "plan's `before`. It narrows a race, and cannot close it.",
        default=False,
    )
    keep_before: bool = flag(
        "--keep-before",
        "Read first and keep the values before, so that `batchpatch undo` can restore them. A "
        "plan brings its own.",
        default=False,
        everyday="Keep the values before, so that undo can restore them.",
    )

    def options(self, verifying: VerifyFlags) -> Safeguards:
        """What is looked at, before and after."""
        return Safeguards(
            guard=self.guard,
            skip_unchanged=self.skip_unchanged,
            keep_before=self.keep_before,
            verify=verifying.options(),
        )

    @property
    def reads_anyway(self) -> bool:
        """Each conversation is read first, with --skip-unchanged and without it."""
        return self.guard or self.keep_before

    def reads_of(self, verifying: VerifyFlags) -> float:
        """Reads of each conversation, beside those of --skip-unchanged: what `check` prices."""
        first = self.reads_anyway and not self.skip_unchanged
        return first + verifying.options().share


@dataclass(frozen=True, kw_only=True)
class VerifyFlags(Options):
    """What is read after a PATCH."""

    TITLE: ClassVar[str] = LookingFlags.TITLE
    REACH: ClassVar[Reach] = Reach.ANYWHERE

    verify: float | None = flag(
        "--verify",
        "Read back what was accepted until it is there: all of it, or a sample such as "
        "--verify=5%.",
        metavar="[P%]",
        parse=parse_verify,
        bare="100%",
        everyday="Read back what was stored: all, or a share of it.",
    )
    verify_for_s: float = flag(
        "--verify-for",
        "How long a value may take to be there.",
        default=30.0,
        metavar="TIME",
        parse=partial(parse_duration, most_s=86_400.0),
        shown="30s",
    )

    def options(self) -> VerifyOptions:
        """What is read back, and for how long."""
        return VerifyOptions(share=self.verify or 0.0, for_s=self.verify_for_s)


@dataclass(frozen=True, kw_only=True)
class ChoiceFlags(Options):
    """What is asked before a change is planned."""

    TITLE: ClassVar[str] = LookingFlags.TITLE
    REACH: ClassVar[Reach] = Reach.ANYWHERE

    check_codes: bool = flag(
        "--check-codes",
        "Ask of each participant whether it may be given that wrap-up code: a request more each.",
        default=False,
    )


@dataclass(frozen=True, kw_only=True)
class PaceFlags(Options):
    """How fast it goes."""

    TITLE: ClassVar[str] = "How it is sent"
    REACH: ClassVar[Reach] = Reach.ANYWHERE
    KEPT: ClassVar[bool] = True

    rate: tuple[Rate | None] | None = flag(
        "--rate",
        "Cap for the whole process: 300/min, 5/s, none. Default: the platform's own limit.",
        metavar="RATE",
        parse=parse_cap,
        everyday="Cap, such as 300/min. Default: the platform's own limit.",
    )
    """In a tuple, because `none` is None and so is a flag that was not given."""
    share: float | None = flag(
        "--share",
        "Use this part of every rate-limit window, such as 80% or 0.8, and leave the rest to "
        "others.",
        metavar="PART",
        parse=parse_share,
        shown="100%",
    )
    tokens: int | None = flag(
        "--tokens",
        "Tokens of the OAuth client to use at once, up to 50; each has its own allowance.",
        metavar="N",
        parse=partial(parse_whole, least=1, most=MOST_TOKENS),
        shown="1",
        everyday="Tokens to use at once, each with its own allowance.",
    )

    def options(self, *, otherwise: PaceOptions | None = None) -> PaceOptions:
        """How fast to go; what no flag names is as `otherwise` has it."""
        pace = otherwise or PaceOptions()
        if self.rate is not None:
            pace = pace._replace(rate=self.rate[0], assumed=None)
        if self.share is not None:
            pace = pace._replace(share=self.share)
        return pace._replace(tokens=self.tokens) if self.tokens is not None else pace


@dataclass(frozen=True, kw_only=True)
class AttemptFlags(Options):
    """How many attempts at once, how often, and how patiently."""

    TITLE: ClassVar[str] = PaceFlags.TITLE
    REACH: ClassVar[Reach] = Reach.ANYWHERE
    KEPT: ClassVar[bool] = True

    concurrency: int | None = flag(
        "--concurrency",
        "Requests in flight at most.",
        metavar="N",
        parse=partial(parse_whole, least=1, most=1000),
        shown="32",
    )
    retries: int | None = flag(
        "--retries",
        "Attempts after the first; waiting for a 429 uses none.",
        metavar="N",
        parse=partial(parse_whole, most=1_000_000),
        shown="5",
    )
    timeout_s: float | None = flag(
        "--timeout",
        "For one attempt as a whole.",
        metavar="TIME",
        parse=partial(parse_duration, least_s=0.1, most_s=3600.0),
        shown="60s",
    )
    max_wait_s: float | None = flag(
        "--max-wait",
        "A 429 that asks for a longer wait, such as a daily limit's, ends the run.",
        metavar="TIME",
        parse=parse_duration,
        shown="3m",
    )

    def connect_options(
        self, ca_path: str | None, *, otherwise: ConnectOptions = DEFAULT_CONNECT
    ) -> ConnectOptions:
        """Connections and timeouts; what no flag names is as `otherwise` has it."""
        given: dict[str, Any] = {
            "concurrency": self.concurrency,
            "total_s": self.timeout_s,
            "ca_file": ca_path,
        }
        return otherwise._replace(**{n: value for n, value in given.items() if value is not None})

    def retry_options(self, *, otherwise: RetryPolicy = DEFAULT_POLICY) -> RetryPolicy:
        """How patient to be; what no flag names is as `otherwise` has it."""
        given: dict[str, Any] = {"retries": self.retries, "max_wait_s": self.max_wait_s}
        return otherwise._replace(**{n: value for n, value in given.items() if value is not None})


@dataclass(frozen=True, kw_only=True)
class SendingFlags(Options):
    """How it is sent."""

    TITLE: ClassVar[str] = PaceFlags.TITLE
    REACH: ClassVar[Reach] = Reach.ANYWHERE

    window: int | None = flag(
        "--window",
        "Rows of one participant within so many become one request.",
        metavar="ROWS",
        parse=partial(parse_whole, least=1),
        shown="10000; 50000 with --results",
    )
    route: str | None = flag(
        "--route",
        "attributes, calls, callbacks, emails, messages, cobrowsesessions, or a path with "
        "{conversation_id} and {participant_id}. participant and interactions, which tutorials "
        "use, store no attributes. Of wrap-ups: participant, or communication (the newer call).",
        metavar="ROUTE",
        parse=parse_text,
        shown="the usual one of what is written",
        reach=Reach.USER,
    )
    force: bool = flag(
        "--force",
        "Take a route that stores nothing, though nothing is verified.",
        default=False,
        reach=Reach.LINE,
    )
    partial: bool = flag(
        "--partial",
        "Send a plan that is not whole, as far as it goes.",
        default=False,
        reach=Reach.LINE,
    )

    def merge_options(self, *, live_first: bool = False, live: bool = False) -> MergeOptions:
        """The window in which rows of one participant meet; `live`: somebody waits for each."""
        options = MergeOptions(live_first=live_first)
        rows = self.window or (LIVE_WINDOW_ROWS if live else None)
        return options if rows is None else replace(options, window_rows=rows)
