"""`batchpatch undo`: restores what a run has overwritten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from batchpatch.cli.options.declare import GivenFlags, Options, flag, with_options
from batchpatch.cli.options.ending import EndFlags
from batchpatch.cli.options.newest import LastFlags, RunOrLast
from batchpatch.cli.options.platform import PlatformFlags
from batchpatch.cli.options.reporting import RecordFlags, ReportFlags
from batchpatch.cli.options.sending import AttemptFlags, PaceFlags, VerifyFlags
from batchpatch.cli.options.stopping import StoppingFlags
from batchpatch.cli.options.trying_out import SandboxFlags, ServerFlags
from batchpatch.cli.output import emit_document, say
from batchpatch.errors import ExitCode, SettingsError, as_typed

if TYPE_CHECKING:
    from batchpatch.cli.next_command import NextCommands


@dataclass(frozen=True, kw_only=True)
class UndoFlags(Options):
    """What is restored."""

    TITLE: ClassVar[str] = "What is restored"

    force: bool = flag(
        "--force",
        "Restore even where somebody else has changed the value since.",
        default=False,
        everyday=True,
    )
    dry_run: bool = flag(
        "--dry-run",
        "Show what would be written, offline; nothing is read or sent.",
        default=False,
        everyday=True,
    )


@with_options
def undo(
    directory: RunOrLast,
    *,
    newest: LastFlags,
    undoing: UndoFlags,
    verifying: VerifyFlags,
    pace: PaceFlags,
    attempts: AttemptFlags,
    stopping: StoppingFlags,
    platform: PlatformFlags,
    record: RecordFlags,
    ending: EndFlags,
    reporting: ReportFlags,
    given: GivenFlags,
) -> int:
    """Restore the values before a run that has kept them (a plan's, or one with --keep-before).

    Example: batchpatch undo --last --dry-run

    It goes backwards, reads first, and restores only where the present value is the last one that
    the run wrote; anything else is a conflict. An attribute that was absent cannot be deleted on
    this platform: it is blanked, and the report says so. A wrap-up code where there was none cannot
    be taken away: the row is rejected. An undo is itself a run: it has a report,
    and can be resumed and undone.
    """
    directory = newest.choose(directory, command="undo")
    if undoing.dry_run:
        from batchpatch.cli.undo_preview import show_preview  # noqa: PLC0415

        return show_preview(directory, json=reporting.json)
    # Loaded here, because they bring the HTTP client with them.
    from batchpatch.cli.ending import finish  # noqa: PLC0415
    from batchpatch.cli.next_command import NextCommands, undo_flags, unkept  # noqa: PLC0415
    from batchpatch.cli.question import question_for  # noqa: PLC0415
    from batchpatch.cli.run_text import nothing_to_undo  # noqa: PLC0415
    from batchpatch.cli.session import Session  # noqa: PLC0415
    from batchpatch.commands.undo import undo as undo_run  # noqa: PLC0415
    from batchpatch.formats.run_json import settings_from  # noqa: PLC0415
    from batchpatch.options.run import RecordOptions  # noqa: PLC0415
    from batchpatch.recording.manifest import manifest_in  # noqa: PLC0415

    manifest = manifest_in(directory)
    settings = settings_from(manifest.options)
    # Its --force is another one than that of `run`.
    instead = [one for one in given if one.flag.name != "--force"]
    earlier = NextCommands.of(directory, instead=instead)
    _refuse_sandbox(earlier, platform)
    on_end = ending.command(platform)  # said now if it is none
    report = Session(platform, SandboxFlags(), ServerFlags(), reporting).execute(
        lambda account, stopper, observe: undo_run(
            directory,
            account=account,
            force=undoing.force,
            verify=verifying.options(),
            pace=pace.options(otherwise=settings.pace),
            connect=attempts.connect_options(platform.ca_path, otherwise=settings.connect),
            retry=attempts.retry_options(otherwise=settings.retry),
            record=RecordOptions(
                out=record.out,
                flags=undo_flags(earlier, account.hosts.api_url, guard=not undoing.force),
            ),
            limits=stopping.options(),
            confirm=question_for(account, yes=reporting.yes, what=f"undo of {as_typed(directory)}"),
            stopper=stopper,
            observe=observe,
            announce=None if reporting.quiet else say,
        ),
        earlier=manifest,
    )
    if report is None:
        say(nothing_to_undo(directory))
        if reporting.json:
            emit_document({"rows": 0, "outcomes": {}, "exit_code": int(ExitCode.DONE)})
        return ExitCode.DONE
    return finish(report, reporting, instead=unkept(given), on_end=on_end)


def _refuse_sandbox(earlier: NextCommands, platform: PlatformFlags) -> None:
    if earlier.in_own_sandbox and not platform.names_hosts:
        raise SettingsError(
            "This run was sent to a sandbox that ended with it, and what it wrote is gone: there "
            "is nothing to undo."
        )
