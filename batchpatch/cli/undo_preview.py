"""The screen of `undo --dry-run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.cli.following import Following
from batchpatch.cli.output import emit_document, show
from batchpatch.cli.run_text import nothing_to_undo, place_line
from batchpatch.cli.text import change_lines, count, unkept_line
from batchpatch.commands.undo_preview import undo_preview
from batchpatch.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batchpatch.recording.undo_rows import UndoPreview


def show_preview(directory: Path, *, json: bool) -> int:
    """Show what an undo would do; gives the exit code: 1 where it could not take all back.

    Raises:
        SettingsError: the run cannot be undone.
        RecordError: its directory is in use or damaged.
    """
    preview = undo_preview(directory)
    if preview is None:
        if json:
            emit_document({"participants": 0, "exit_code": int(ExitCode.DONE)})
        else:
            show([nothing_to_undo(directory)])
        return ExitCode.DONE
    following = Following.of(directory, [], resumable=False)
    code = ExitCode.SOME_FAILED if preview.unkept or preview.refused else ExitCode.DONE
    if json:
        counts = preview._asdict()
        del counts["first"]  # which holds values
        emit_document({**counts, "undo": following.undo, "exit_code": int(code)})
    else:
        show(_lines(preview, following))
    return code


def _lines(preview: UndoPreview, following: Following) -> Iterator[str]:
    for row in preview.first:
        yield from change_lines(
            row.conversation_id,
            row.participant_id,
            None,
            dict(row.before),
            row.attributes,
        )
    if preview.participants > len(preview.first):
        yield f"... and {preview.participants - len(preview.first):,} more"
    yield f"{count(preview.participants, 'participant')} to restore: " + count(
        preview.attributes, "value"
    )
    if preview.blanked:
        yield f"  {_absent(preview)}: blanked, the platform can delete none"
    if preview.refused:
        yield f"{count(preview.refused, 'participant')} cannot be restored: nothing was there"
    if preview.unkept:
        yield unkept_line(preview.unkept)
    yield "Nothing was read: what somebody has changed since would be a conflict, and stays."
    if following.place is not None:
        yield place_line(following.place)
    if following.undo is not None and preview.participants:
        yield "To do it:"
        yield f"  {following.undo}"


def _absent(preview: UndoPreview) -> str:
    if preview.attributes == 1:
        return "It was absent"
    verb = "was" if preview.blanked == 1 else "were"
    return f"{preview.blanked:,} of them {verb} absent"
