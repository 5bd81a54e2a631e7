"""The command that is told how a run has ended: from a flag or the user's own profile only."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from shutil import which
from typing import TYPE_CHECKING, ClassVar

from batchpatch.cli.options.declare import Options, Reach, flag
from batchpatch.errors import SettingsError, cannot_start
from batchpatch.options.spelling import parse_command

if TYPE_CHECKING:
    from batchpatch.cli.options.platform import PlatformFlags

_KEY = "on_end"


@dataclass(frozen=True, kw_only=True)
class EndFlags(Options):
    """What is done at the end."""

    TITLE: ClassVar[str] = "What is reported"

    on_end: tuple[str, ...] | None = flag(
        "--on-end",
        "Start this at the end, with the summary as JSON on its standard input.",
        metavar="COMMAND",
        parse=parse_command,
        reach=Reach.PROFILE,
    )

    def command(self, platform: PlatformFlags) -> tuple[str, ...]:
        """The command of the flag or else of the user's profile; empty where there is none.

        Raises:
            SettingsError: nothing can be started by that name.
        """
        words = self.on_end or _of_profile(platform)
        if words and which(words[0]) is None:
            is_there = os.path.lexists(words[0])
            why = "it may not be executed" if is_there else "there is no such command"
            raise SettingsError(f"--on-end: {cannot_start(words[0], why)}")
        return words


def _of_profile(platform: PlatformFlags) -> tuple[str, ...]:
    from batchpatch.genesys.account.profiles import ProfileFile  # noqa: PLC0415 - not for --help

    # Whoever has credentials elsewhere need not have such a file.
    with suppress(SettingsError):
        text = ProfileFile(None, platform.profile).own(_KEY)
        return parse_command(text, flag=_KEY) if text else ()
    return ()
