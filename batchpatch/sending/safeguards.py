"""What is looked at before a PATCH and after it."""

from __future__ import annotations

from dataclasses import dataclass, field

from batchpatch.sending.verifying import VerifyOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Safeguards:
    """Looks at the platform beside the PATCH itself; each is a request of the same quota."""

    guard: bool = False
    """Where a plan expects another value than there is, nothing is sent."""
    skip_unchanged: bool = False
    """What is there already is not sent."""
    keep_before: bool = False
    """The values before are kept, so that the run can be undone; a plan brings its own."""
    verify: VerifyOptions = field(default_factory=VerifyOptions)

    @property
    def reads_first(self) -> bool:
        """The participant is read before it is written."""
        return self.guard or self.skip_unchanged or self.keep_before
