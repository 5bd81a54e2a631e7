"""Rows that name their participant by id are found already."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchpatch.model import Batch


async def find(batch: Batch) -> Batch:
    """The same rows, each with the id of its participant."""
    return batch
