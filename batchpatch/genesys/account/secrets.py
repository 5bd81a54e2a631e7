"""Secrets that are kept elsewhere: in a file, or given out by a command such as a vault's."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import AccessError, as_typed, cannot_start, how_ended, why_unreadable
from batchpatch.genesys.account.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 65_536
_LONGEST_S = 60.0


class NamedSecret(NamedTuple):
    """A client's secret, and who has given it."""

    secret: Secret
    origin: str
    """For messages."""


def secret_of_file(path: Path, *, called: str) -> NamedSecret:
    """The secret that a file holds, without the spaces and line breaks around it.

    Args:
        path: of the file.
        called: the flag or variable that names it.

    Raises:
        AccessError: there is none; the sentence holds nothing of the file.
    """
    origin = f"{called} {as_typed(path)}"
    try:
        with path.expanduser().open("rb") as file:
            octets = file.read(_MOST_BYTES + 1)
    except (OSError, RuntimeError, ValueError) as error:
        raise AccessError(f"{origin} cannot be read: {why_unreadable(error)}.") from None
    return NamedSecret(_secret(octets, origin), origin)


def secret_of_command(words: tuple[str, ...], *, called: str) -> NamedSecret:
    """The secret that a command prints, without the spaces and line breaks around it.

    It is started without a shell, and what it says on standard error is not shown, because either
    may hold the secret.

    Raises:
        AccessError: it prints none; the sentence holds nothing of what it has printed.
    """
    name = words[0]
    try:
        done = subprocess.run(  # noqa: S603 - it is the user's own
            words,
            stdin=subprocess.DEVNULL,  # which may be the input of the run
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise AccessError(
            f"{called}: {name} did not end within {_LONGEST_S:.0f} s: try it by hand."
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no command"
        raise AccessError(f"{called}: {cannot_start(name, reason)}") from None
    if done.returncode:
        raise AccessError(
            f"{called}: {name} ended with {how_ended(done.returncode)}: try it by hand."
        )
    return NamedSecret(_secret(done.stdout, f"{called}: what {name} prints"), called)


def _secret(octets: bytes, what: str) -> Secret:
    """The text of a secret. Raises AccessError where it is none."""
    text = ""
    with suppress(UnicodeDecodeError):
        text = octets.decode("utf-8-sig").strip()
    if not text or len(octets) > _MOST_BYTES:
        flaw = "no secret" if octets.strip() else "empty"
        raise AccessError(f"{what} is {flaw}: it has to be the secret alone, as text.")
    return Secret(text)
