"""What stops a run, sorted by who has to act.

A row that cannot be sent is not here: it is a value (`InvalidRow`), because one bad row must not
stop its neighbours. Each class carries the exit code that the command line answers with.
"""

from __future__ import annotations


class BatchpatchError(Exception):
    """Anything that ends a run. The text is one sentence for a person: what, where, what to do."""

    exit_code = 1


class SettingsError(BatchpatchError):
    """An option, an environment variable or a profile that cannot be used as given."""

    exit_code = 2


class InputError(BatchpatchError):
    """An input that cannot be used as a whole: missing, empty, undecodable, without a header."""

    exit_code = 2


class AccessError(BatchpatchError):
    """The platform refuses these credentials, or they lack the permission for the job."""

    exit_code = 4


class OutageError(BatchpatchError):
    """The platform cannot be reached, or does not answer in a way that lets the run go on."""

    exit_code = 3


class RecordError(BatchpatchError):
    """The run directory cannot be written or read, or its files contradict each other."""

    exit_code = 3


def first_of(group: BaseExceptionGroup[BatchpatchError]) -> BatchpatchError:
    """Return the first error of a group that holds no others, such as `except*` gives."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, BatchpatchError)  # noqa: S101 - the group was filtered by this type
    return error
