"""`report --html`: one page about a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.commands.row_table import refuse_own
from batchpatch.recording.files import write_atomically
from batchpatch.reporting.page import render_page

if TYPE_CHECKING:
    from pathlib import Path

    from batchpatch.reporting.overview import Overview
    from batchpatch.reporting.page import Wording


def write_page(out: Path, overview: Overview, wording: Wording, *, show_values: bool) -> int:
    """Write the page about a run, 0600; gives its bytes.

    Args:
        out: where to; a file that is there is replaced.
        overview: of the run.
        wording: what the command line says of it.
        show_values: which values were changed to which; else the page holds none.

    Raises:
        SettingsError: a library for it is not installed, or `out` is a file of the run.
        RecordError: a file of the run cannot be read, or `out` cannot be written.
    """
    inputs = [file.path for file in overview.glance.manifest.inputs]
    refuse_own(out, overview.glance.directory, inputs, flag="--html")
    data = render_page(overview, wording, show_values=show_values).encode("utf-8", "replace")
    write_atomically(out, data, of_run=False)
    return len(data)
