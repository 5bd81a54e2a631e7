"""The values that pass between the stages.

A row walks one way: reading makes a `Row` or an `InvalidRow`, merging makes a `Patch` of rows,
sending answers it with a `PatchOutcome`, and every settled row leaves as one `RowResult`.
They live here so that no stage needs to import another.
"""

from __future__ import annotations

from batchpatch.model.outcome import (
    APPLIED,
    FAILED,
    MADE_IT,
    MAY_HAVE_LEFT,
    SENT_SINGLY,
    UPDATED,
    Outcome,
    count_failed,
    took_no_effect,
)
from batchpatch.model.patches import Change, Delivery, Patch, PatchOutcome
from batchpatch.model.report import (
    LIMIT_IN_WORDS,
    LIMIT_REACHED,
    FailureReason,
    Progress,
    Stop,
    Summary,
    WindowUse,
)
from batchpatch.model.row_result import CONVERSATION_ENDED, RowResult
from batchpatch.model.rows import (
    Batch,
    Criterion,
    InvalidRow,
    Overtaken,
    Row,
    RowContext,
    RowSet,
    Skips,
)

__all__ = [
    "APPLIED",
    "CONVERSATION_ENDED",
    "FAILED",
    "LIMIT_IN_WORDS",
    "LIMIT_REACHED",
    "MADE_IT",
    "MAY_HAVE_LEFT",
    "SENT_SINGLY",
    "UPDATED",
    "Batch",
    "Change",
    "Criterion",
    "Delivery",
    "FailureReason",
    "InvalidRow",
    "Outcome",
    "Overtaken",
    "Patch",
    "PatchOutcome",
    "Progress",
    "Row",
    "RowContext",
    "RowResult",
    "RowSet",
    "Skips",
    "Stop",
    "Summary",
    "WindowUse",
    "count_failed",
    "took_no_effect",
]
