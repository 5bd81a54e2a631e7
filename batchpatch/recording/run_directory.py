"""The run directory: where a run's files are, who writes them, and what a purge removes."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from batchpatch.errors import RecordError, SettingsError, as_typed
from batchpatch.recording.directory_name import make_own, stem_of
from batchpatch.recording.files import (
    DIRECTORY_MODE,
    close_quietly,
    record_error,
    sync_directory,
)
from batchpatch.recording.lock import acquire
from batchpatch.recording.run_paths import LOCK, MANIFEST, OWN, USUAL_FOLDER, RunPaths

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime


def purge(rundir: RunDirectory) -> list[Path]:
    """Removes the files that hold customers' values; answers what it removed.

    `results.jsonl`, `run.json` and `summary.json` stay. A run whose spool is gone cannot be
    resumed. Raises RecordError where a file cannot be removed.
    """
    removed: list[Path] = []
    path = rundir.path
    try:
        for path in rundir.private_paths():
            path.unlink()
            removed.append(path)
        path = rundir.path
        sync_directory(path)
    except OSError as error:
        raise record_error(path, error, doing="removed", of_run=False) from error
    return removed


_NOTHING = {LOCK, f".{MANIFEST}.tmp", "lost+found"}
"""What an empty directory may hold: a volume that was just mounted is empty too."""


class RunDirectory(RunPaths):
    """One run's directory, locked until `close` unless it was opened only to be read."""

    def __init__(self, path: Path, *, lock: int | None, made: tuple[Path, ...] | None) -> None:
        """Use `create` or `open`. `made`: directories a new run made, None for an existing run."""
        super().__init__(path)
        self._lock = lock
        self._made = made

    @classmethod
    def create(
        cls,
        out: Path | None,
        *,
        input_name: str,
        now: datetime,
        base: Path = USUAL_FOLDER,
    ) -> Self:
        """Makes and locks the directory of a new run: `out`, or one of its own under `base`.

        Raises SettingsError where `out` is in use, or cannot be made: nothing was sent, and another
        --out helps.
        """
        made: tuple[Path, ...] = ()
        try:
            if out is None:
                made = make_own(base, f"{stem_of(input_name)}-{now:%Y%m%dT%H%M%SZ}")
            else:
                made = _make_given(out)
            path = out or made[0]
            directory = cls(path, lock=acquire(path / LOCK), made=made)
        except OSError as error:
            sentence = record_error(
                Path(error.filename or out or base), error, doing="made", of_run=False
            )
            raise SettingsError(str(sentence)) from error
        except RecordError as error:
            _remove_empty(made)
            raise SettingsError(str(error)) from error
        if not _is_empty(path):  # filled between the look and the lock
            directory.close()
            raise _not_empty(path)
        return directory

    @classmethod
    def open(cls, path: Path, *, lock: bool = True) -> Self:
        """The directory of an existing run. Without `lock` it may be read while the run lives.

        Raises SettingsError where there is no run, RecordError where another process has it.
        """
        if not holds_run(path):
            what = "does not exist"
            if path.exists():
                what = f"is not the directory of a run: it has no {MANIFEST}"
            raise SettingsError(
                f"{as_typed(path)} {what}. `batchpatch runs` lists those that there are."
            )
        if not lock:
            return cls(path, lock=None, made=None)
        directory = cls(path, lock=acquire(path / LOCK), made=None)
        directory._forget_unfinished()
        return directory

    def _forget_unfinished(self) -> None:
        """Remove what a killed process was writing: nobody goes on with it, and it may lie there
        for ever, where what it was to replace is not written again."""
        with suppress(OSError, RecordError):
            for path in self.unfinished_paths():
                path.unlink()

    def forget_progress(self) -> None:
        """Remove `progress.json`: the summary says more. Raises RecordError."""
        try:
            self.progress_path.unlink(missing_ok=True)
        except OSError as error:
            raise record_error(self.progress_path, error, doing="removed") from error

    def remove_failed(self, kept: Collection[Path]) -> None:
        """Remove the files of failed rows that are not among `kept`. Raises RecordError."""
        for path in self.failed_paths():
            if path not in kept:
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    raise record_error(path, error, doing="removed") from error

    def discard(self) -> bool:
        """Removes what this run made, and lets go of the lock, when no row was settled.

        Answers whether it did: it leaves alone a run that was opened and one with results.
        Raises RecordError where a file cannot be removed.
        """
        if self._made is None or _has_content(self.results_path):
            return False
        self._remove_files()
        _remove_empty(self._made)
        return True

    def remove(self) -> None:
        """Removes it with all that a run has made here, its results too.

        What others have put in stays, and then the directory does. Raises RecordError where a
        file cannot be removed.
        """
        self._remove_files()
        with suppress(OSError):
            self.path.rmdir()

    def _remove_files(self) -> None:
        try:
            # Values first, and last what says that this is a run: should it end halfway, what is
            # left can be purged again.
            own = [self.path / name for name in sorted(OWN - {LOCK, MANIFEST})]
            for path in (*self.private_paths(), *own, self.manifest_path):
                path.unlink(missing_ok=True)
            if sys.platform == "win32":  # an open file cannot be removed there
                self.close()
            (self.path / LOCK).unlink(missing_ok=True)
        except OSError as error:
            raise record_error(self.path, error, doing="removed", of_run=False) from error
        self.close()

    def close(self) -> None:
        """Lets go of the lock."""
        descriptor, self._lock = self._lock, None
        if descriptor is not None:
            close_quietly(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _remove_empty(directories: Iterable[Path]) -> None:
    """Remove these, the innermost first; where others have put something in, it stays."""
    with suppress(OSError):
        for directory in directories:
            directory.rmdir()


def _make_given(out: Path) -> tuple[Path, ...]:
    """Makes `--out`, unless it is an empty directory already. Its parents are the user's."""
    refuse_used(out)
    if out.is_dir():
        return ()
    out.parent.mkdir(parents=True, exist_ok=True)
    out.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    out.chmod(DIRECTORY_MODE)  # whatever the umask took away
    return (out,)


def refuse_used(out: Path | None) -> None:
    """Raise SettingsError where `--out` is in use already; None is a new name in any case."""
    if out is None:
        return
    try:
        if out.is_dir():
            if not _is_empty(out):
                raise _not_empty(out)
        elif out.exists():
            raise SettingsError(
                f"--out {as_typed(out)} is a file; name a directory that is new or empty"
            )
    except OSError as error:
        raise SettingsError(str(record_error(out, error, doing="read"))) from error


def holds_run(path: Path) -> bool:
    """True for the directory of a run, however far it came. Raises RecordError."""
    try:
        return (path / MANIFEST).is_file()
    except OSError as error:
        raise record_error(path, error, doing="read") from error


def _is_empty(directory: Path) -> bool:
    """True where nothing lies in it but what a run that died at once, or a file system, leaves."""
    return all(entry.name in _NOTHING for entry in directory.iterdir())


def _not_empty(out: Path) -> SettingsError:
    if holds_run(out):
        return SettingsError(
            f"{as_typed(out)} is not empty; name a new directory with --out, or continue that run "
            f"with `batchpatch resume {as_typed(out)}`"
        )
    return SettingsError(
        f"{as_typed(out)} is not empty; name a new directory with --out: what is in it is no run"
    )


def _has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0
