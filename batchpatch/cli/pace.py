"""`batchpatch pace`: another rate for a run that is at work."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from batchpatch.cli.options.declare import with_options
from batchpatch.cli.options.newest import LastFlags, RunOrLast
from batchpatch.cli.options.pace import NewRate
from batchpatch.cli.options.showing import ShowingFlags
from batchpatch.cli.output import emit_document, show
from batchpatch.errors import ExitCode, RecordError, SettingsError, as_typed

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE_S = 5.0
_LOOK_EVERY_S = 0.05


@with_options
def pace(directory: RunOrLast, *, newest: LastFlags, rate: NewRate, showing: ShowingFlags) -> int:
    """Change how fast a run sends that is at work in another process, within a second.

    Example: batchpatch pace --last --rate 100/min

    The platform's own limit is kept in any case. The run keeps the rate until its end, or until
    the next `pace`; what `resume` is to keep is said to it again.
    """
    # Loaded here: they bring the readers with them.
    from batchpatch.recording.pace_file import ask_pace  # noqa: PLC0415
    from batchpatch.reporting.glance import glance_at  # noqa: PLC0415

    wanted = rate.chosen()
    glance = glance_at(newest.choose(directory, command="pace"))
    if glance.pid is None:
        raise SettingsError(
            f"{as_typed(glance.path)} is not at work ({glance.state}): give --rate to the command "
            "that goes on with it."
        )
    if glance.manifest.kind == "plan":
        raise SettingsError(
            f"{as_typed(glance.path)} is a plan, which only reads: stop it, and resume it with "
            "--rate."
        )
    path = glance.directory.pace_path
    ask_pace(path, wanted)
    _await_taken(path, glance.path)
    if showing.json:
        document = {"directory": str(glance.path), "rate": str(wanted or "none")}
        emit_document({**document, "exit_code": int(ExitCode.DONE)})
    else:
        kept = f"at most {wanted}" if wanted else "without a cap of its own"
        show([f"{as_typed(glance.path)} sends {kept} from now on."])
    return ExitCode.DONE


def _await_taken(path: Path, directory: Path) -> None:
    """Return once the run has taken it. Raises RecordError where it does not."""
    until_s = time.monotonic() + _PATIENCE_S
    while path.exists():
        if time.monotonic() > until_s:
            path.unlink(missing_ok=True)
            raise RecordError(
                f"{as_typed(directory)} did not take the new pace within {_PATIENCE_S:.0f} s, so "
                "it was withdrawn: is the run still at work? See `batchpatch status`."
            )
        time.sleep(_LOOK_EVERY_S)
