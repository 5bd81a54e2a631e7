"""Who a row is about, where that has to be checked or comes from a plan. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchpatch.formats.plan_line import PlanKeyError, with_plan
from batchpatch.reading import row_errors
from batchpatch.reading.id_errors import bad_id
from batchpatch.reading.values import UnsendableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchpatch.model import RowContext


def checked_id(field: str, found: str | None, given: object) -> str:
    """The id that was found in a cell.

    Raises:
        UnsendableError: there is none.
    """
    if found is None:
        raise UnsendableError(bad_id(field, given))
    return found


def planned_context(context: RowContext | None, line: Mapping[str, Any]) -> RowContext:
    """The context of a row with what the line of a plan says.

    Raises:
        UnsendableError: it is not what a plan has there.
    """
    try:
        return with_plan(context, line)
    except PlanKeyError as error:
        raise UnsendableError(row_errors.bad_plan(*error.args)) from None
