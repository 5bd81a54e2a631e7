"""`report --html`: one page about a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.commands.row_table import refuse_own
from batchpatch.recording.new_file import new_file
from batchpatch.reporting.page import render_page

if TYPE_CHECKING:
    from pathlib import Path

    from batchpatch.reporting.overview import Overview
    from batchpatch.reporting.page import Wording


def write_page(
    out: Path, overview: Overview, wording: Wording, *, show_values: bool, force: bool = False
) -> int:
    """Write the page about a run, 0600; gives its bytes.

    Args:
        out: where to.
        overview: of the run.
        wording: what the command line says of it.
        show_values: which values were changed to which; else the page holds none.
        force: a file that is there may be replaced.

    Raises:
        SettingsError: a library for it is not installed, or `out` is a file of the run, or is
            there already.
        RecordError: a file of the run cannot be read, or `out` cannot be written.
    """
    inputs = [file.path for file in overview.glance.manifest.inputs]
    refuse_own(out, overview.glance.directory, inputs, flag="--html", force=force)
    data = render_page(overview, wording, show_values=show_values).encode("utf-8", "replace")
    with new_file(out) as file:
        file.write(data)
    return len(data)
