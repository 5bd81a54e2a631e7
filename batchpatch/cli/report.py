"""`batchpatch report`: what has become of a run, shown again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - the declaration of flags looks at it
from typing import TYPE_CHECKING, Any, ClassVar

from batchpatch.cli.options.declare import Options, flag, with_options
from batchpatch.cli.options.inputs_again import inputs_again_flag
from batchpatch.cli.options.newest import LastFlags, RunOrLast
from batchpatch.cli.options.showing import ShowingFlags, two_on_stdout
from batchpatch.cli.output import binary_output, emit_document, say, show
from batchpatch.errors import ExitCode, SettingsError, as_typed
from batchpatch.options.spelling import parse_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.cli.following import Following
    from batchpatch.reporting.history import History
    from batchpatch.reporting.overview import Overview


@dataclass(frozen=True, kw_only=True)
class FileFlags(Options):
    """The files that are written instead."""

    TITLE: ClassVar[str] = "What is written"

    csv: Path | None = flag(
        "--csv",
        "Write each row with what became of it, for a spreadsheet; - is stdout. It holds values.",
        metavar="OUT",
        parse=parse_path,
        everyday=True,
    )
    html: Path | None = flag(
        "--html",
        "Write one page about the run, for a browser; it holds no values.",
        metavar="OUT",
        parse=parse_path,
        everyday=True,
    )
    show_values: bool = flag(
        "--show-values",
        "With --html: which values were changed to which.",
        default=False,
        everyday=True,
    )
    failed: bool = flag(
        "--failed", "With --csv: only rows that did not make it.", default=False, everyday=True
    )
    force: bool = flag(
        "--force", "With --csv or --html: write over a file that is there.", default=False
    )
    inputs: tuple[Path, ...] = inputs_again_flag()

    @property
    def named(self) -> dict[str, Path]:
        """The files that are to be written, by flag."""
        given = {"--csv": self.csv, "--html": self.html}
        return {flag: out for flag, out in given.items() if out is not None and str(out) != "-"}

    def check(self, *, json: bool) -> None:
        """Raise SettingsError where the flags contradict each other."""
        if self.csv is None and (self.failed or self.inputs):
            name = "--failed" if self.failed else "--input"
            raise SettingsError(f"{name} is for the rows: add --csv OUT.")
        if self.show_values and self.html is None:
            raise SettingsError("--show-values is for the page: add --html OUT.")
        if str(self.html) == "-":
            raise SettingsError("--html writes a file: name one.")
        if json and str(self.csv) == "-":
            raise two_on_stdout("--csv")
        if self.force and not self.named:
            raise SettingsError("--force is for a file: add --csv OUT or --html OUT.")
        self._refuse_taken()

    def _refuse_taken(self) -> None:
        """Before one of them is written, which the next attempt would then meet."""
        from batchpatch.recording.new_file import refuse_taken  # noqa: PLC0415 - not for --help

        named = self.named
        for name, out in named.items():
            refuse_taken(out, flag=name, force=self.force)
        if len({out.resolve() for out in named.values()}) < len(named):
            raise SettingsError("--csv and --html name the same file: give each its own.")


@with_options
def report(
    directory: RunOrLast, *, newest: LastFlags, files: FileFlags, showing: ShowingFlags
) -> int:
    """Show again what has become of a run: outcomes, reasons, where it went, what comes next.

    Example: batchpatch report --last --csv failed.csv --failed

    The outcomes are counted from its results, also where it was killed or is still at work. Nothing
    is sent. Exit code 0, whatever became of the run.
    """
    files.check(json=showing.json)
    chosen = newest.choose(directory, command="report")
    if files.csv is not None:
        _write_rows(chosen, files.csv, files)
        if files.html is None:
            return _written(files, showing)
    # Loaded here: they bring the readers with them.
    from batchpatch.cli.following import Following  # noqa: PLC0415
    from batchpatch.reporting.overview import overview_of  # noqa: PLC0415

    overview = overview_of(chosen)
    is_resumable = overview.unfinished and not overview.left_because
    following = Following.of(overview.glance.path, overview.failed, resumable=is_resumable)
    following = _after_repairs(overview.history, following)
    if following.undo and (undo := overview.history.taken_back_by) is not None:
        following = following._replace(undo=None, undo_because=f"{undo} has taken it back already")
    if files.html is not None:
        _write_page(files, overview, following)
        return _written(files, showing)
    if showing.json:
        emit_document(report_document(overview, following))
    else:
        show(report_lines(overview, following))
    return ExitCode.DONE


def _write_rows(directory: Path, out: Path, files: FileFlags) -> None:
    """Write the rows instead of showing the report."""
    from batchpatch.commands.row_table import write_rows  # noqa: PLC0415 - not for --help
    from batchpatch.reporting.row_table import MOST_SHEET_ROWS  # noqa: PLC0415

    if str(out) == "-":
        with binary_output() as file:
            write_rows(directory, file, failed_only=files.failed, inputs=files.inputs)
        return
    count = write_rows(
        directory, out, failed_only=files.failed, inputs=files.inputs, force=files.force
    )
    say(f"{count:,} rows in {as_typed(out)}")
    if count > MOST_SHEET_ROWS:
        say(f"A spreadsheet shows the first {MOST_SHEET_ROWS:,} of them.")


def _write_page(files: FileFlags, overview: Overview, following: Following) -> None:
    """Write the page instead of showing the report."""
    from batchpatch.cli.page_wording import wording_of  # noqa: PLC0415 - not for --help
    from batchpatch.commands.page import write_page  # noqa: PLC0415

    if files.html is None:
        return
    size = write_page(
        files.html,
        overview,
        wording_of(overview, following),
        show_values=files.show_values,
        force=files.force,
    )
    say(f"{as_typed(files.html)}: {size / 1000:,.0f} kB")


def _written(files: FileFlags, showing: ShowingFlags) -> int:
    if showing.json:
        paths = {"csv": files.csv, "html": files.html}
        document = {name: path and str(path) for name, path in paths.items()}
        emit_document({**document, "exit_code": int(ExitCode.DONE)})
    return ExitCode.DONE


def _after_repairs(history: History, following: Following) -> Following:
    """What is left is what the last repair has left: its own file knows what has made it since."""
    if not history.repairs or not (following.send_failed or following.plan_failed):
        return following
    last = history.repairs[-1].glance
    if not history.open or last.pid is not None:
        return following._replace(send_failed=None, plan_failed=None)
    failed = last.directory.failed_paths()
    again = type(following).of(last.path, failed, resumable=last.resumable, undo=False)
    if again.plan_failed:
        return following._replace(send_failed=None, plan_failed=again.plan_failed)
    return following._replace(send_failed=again.next or following.send_failed, plan_failed=None)


def report_lines(overview: Overview, following: Following) -> Iterator[str]:
    """The report as a person reads it."""
    from batchpatch.cli.run_text import history_lines, pace_line, so_far_lines, state_line  # noqa: PLC0415
    from batchpatch.cli.text import reason_lines, summary_lines  # noqa: PLC0415

    glance = overview.glance
    yield state_line(glance)
    if overview.summary is not None:
        yield from summary_lines(overview.summary)
    else:
        yield from so_far_lines(overview.counts, glance.moment)
    if glance.pid is not None and glance.moment is not None:
        yield pace_line(glance.moment)
    yield from reason_lines(overview.reasons)
    yield from overview.summary.notices if overview.summary else ()
    yield from overview.problems
    if glance.manifest.kind == "run":
        yield from following.place_lines()
    yield from history_lines(overview.history)
    yield f"Report: {as_typed(glance.path)}"
    for sentence in overview.left_because:
        yield f"What is left cannot be sent as it is: {sentence}."
    if glance.pid is None:
        yield from following.next_lines()


def report_document(overview: Overview, following: Following) -> dict[str, Any]:
    """The report as a program reads it."""
    glance, counts = overview.glance, overview.counts
    summary = overview.summary._asdict() if overview.summary else {}
    return {
        **summary,
        "rows": counts.rows,
        "outcomes": counts.outcomes,
        "unattempted": counts.unattempted,
        "rows_expected": counts.rows_expected,
        "started": glance.manifest.started,
        "results_sha256": overview.results_sha256,
        "kind": glance.manifest.kind,
        "state": str(glance.state),
        "process": glance.pid,
        "progress": glance.moment and glance.moment._asdict(),
        "directory": str(glance.path),
        "reasons": [reason._asdict() for reason in overview.reasons],
        "problems": [*overview.problems, *overview.left_because],
        "failed": [str(path) for path in overview.failed],
        "repairs": [
            {"directory": str(one.glance.path), "sent": one.sent, "made_it": one.made_it}
            for one in overview.history.repairs
        ],
        "undone": [str(one.path) for one in overview.history.undone],
        "open": overview.history.open,
        **(following.document()),
        "next": following.next if glance.pid is None else None,
    }
