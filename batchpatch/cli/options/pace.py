"""The rate that a live run is to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from batchpatch.cli.options.declare import Options, flag
from batchpatch.cli.options.sending import parse_cap
from batchpatch.errors import SettingsError

if TYPE_CHECKING:
    from batchpatch.options.run import Rate


@dataclass(frozen=True, kw_only=True)
class NewRate(Options):
    """How fast from now on."""

    TITLE: ClassVar[str] = "How fast"
    KEPT: ClassVar[bool] = True

    rate: tuple[Rate | None] | None = flag(
        "--rate",
        "Most requests from now on, such as 100/min or 5/s; none is no cap.",
        metavar="RATE",
        parse=parse_cap,
        everyday=True,
    )

    def chosen(self) -> Rate | None:
        """The rate. Raises SettingsError where none was given."""
        if self.rate is None:
            raise SettingsError("pace needs --rate RATE, such as --rate 100/min.")
        return self.rate[0]
