"""`summary.json`: how a run ended. Pure. Its format is numbered by the `run.json` beside it."""

from __future__ import annotations

from batchpatch.errors import RecordError
from batchpatch.formats.plain import (
    MisfitError,
    dump_document,
    from_plain,
    known_only,
    load_document,
)
from batchpatch.model import Summary


def encode_summary(summary: Summary) -> bytes:
    """The bytes of `summary.json`."""
    return dump_document(summary._asdict())


def decode_summary(data: bytes, *, name: str) -> Summary:
    """What `encode_summary` was given. Raises RecordError where it is not that."""
    document = load_document(data, name=name)
    try:
        if not isinstance(document, dict):
            raise MisfitError("", "an object")
        summary: Summary = from_plain(Summary, known_only(Summary, document))
    except ValueError as error:
        raise RecordError(f"{name} is not the summary of a batchpatch run: {error}") from None
    return summary
