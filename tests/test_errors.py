"""Sentences that several modules end in the same way."""

from __future__ import annotations

import errno
import os

import pytest

from batchpatch.errors import why_unreadable


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errno.ENOENT, "No such file or directory; check the path"),
        (errno.EACCES, "Permission denied; see who may read it"),
        (errno.EISDIR, "Is a directory; name a file in it"),
        (errno.EIO, "Input/output error; try again, or name another file"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(error: int, said: str) -> None:
    """The system's reason alone leaves a user where he was."""
    assert why_unreadable(OSError(error, os.strerror(error))) == said


def test_a_reason_of_another_kind_is_kept() -> None:
    """An opener of URLs has words of its own; a path with a NUL has none."""
    assert why_unreadable(OSError("it broke off")).startswith("it broke off; ")
    assert why_unreadable(ValueError("embedded null byte")).startswith("that is no path; ")
