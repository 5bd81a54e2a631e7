"""The flags of trying it out: a dry run, a sandbox, and what goes wrong in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from batchpatch.cli.options.declare import Options, flag
from batchpatch.options.spelling import parse_number, parse_whole


@dataclass(frozen=True, kw_only=True)
class DryFlags(Options):
    """Trying it out without sending."""

    TITLE: ClassVar[str] = "Trying it out"

    dry_run: bool = flag("--dry-run", "The same as `check`.", default=False)


@dataclass(frozen=True, kw_only=True)
class ServerFlags(Options):
    """What a sandbox limits and what goes wrong in it."""

    TITLE: ClassVar[str] = "What the sandbox does"

    allowed: int | None = flag(
        "--allowed",
        "Requests per window and token.",
        metavar="N",
        parse=partial(parse_whole, least=1),
        shown="no limit",
    )
    rate_window_s: float | None = flag(
        "--rate-window-s",
        "Length of a rate-limit window.",
        metavar="SECONDS",
        parse=parse_number,
        shown="60",
    )
    fault: tuple[str, ...] = flag(
        "--fault",
        "What goes wrong, such as 'status=503,rate=0.1' or 'kind=reset_after,rate=0.05'.",
        default=(),
        metavar="RULE",
    )
    revoke_after: int | None = flag(
        "--revoke-after",
        "Refuse the first token after N requests.",
        metavar="N",
        parse=partial(parse_whole, least=1),
    )
    seed: int | None = flag(
        "--seed",
        "Decides what faults and shares hit.",
        metavar="N",
        parse=partial(parse_whole, least=-(10**9)),
        shown="0",
    )

    @property
    def words(self) -> list[str]:
        """For the command line of the sandbox's own process."""
        given = {
            "--allowed": self.allowed,
            "--rate-window-s": self.rate_window_s,
            "--revoke-after": self.revoke_after,
            "--seed": self.seed,
        }
        words = [word for rule in self.fault for word in ("--fault", rule)]
        for name, value in given.items():
            words += [] if value is None else [name, str(value)]
        return words


@dataclass(frozen=True, kw_only=True)
class SandboxFlags(Options):
    """A sandbox that lives as long as the command."""

    TITLE: ClassVar[str] = DryFlags.TITLE

    sandbox: bool = flag(
        "--sandbox",
        "Use a local sandbox of its own; needs no credentials.",
        default=False,
        everyday="Use a local sandbox; needs no credentials.",
    )
