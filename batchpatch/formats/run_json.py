"""`run.json`, what a run was asked to do, and `summary.json`, how it ended. Pure.

Resuming does the same again. The number of the format stands in `run.json`, for all files beside
it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from batchpatch.errors import RecordError, SettingsError
from batchpatch.formats.origin import RunName  # noqa: TC001 - decoding looks at it
from batchpatch.formats.plain import (
    MisfitError,
    dump_document,
    from_plain,
    known_only,
    load_document,
    to_plain,
)
from batchpatch.model import Summary
from batchpatch.options.run import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 2
"""Of what this release writes; it reads this one and those before it."""
InputKind = Literal["file", "spool", "stream"]
RunKind = Literal["run", "plan"]

_SECRET_WORDS = ("secret", "password", "access_token")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """One input as it was when the run began."""

    path: str
    """Absolute, or as given where `kind` is not `file`."""
    size: int | None
    """Bytes; None where the input could not be measured."""
    sha256: str | None
    """Of the bytes as they lie on disk, compressed ones too; None where `size` is."""
    kind: InputKind
    """`file`: can be read again and compared. `spool`: standard input, kept in the run's
    directory. `stream`: a pipe that nobody kept."""
    name: str = ""
    """As the user gave it, and as the lines of the report call it."""
    modified_ns: int | None = None
    """When it was last changed, before it was hashed: where size and this are as they were, a
    run that has nothing to read again believes that the content is."""
    rows: int | None = None
    """About how many there are, whatever the limit; None of what was not looked at."""
    sought: int | None = None
    """Those among them whose participant is yet to be found; None likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What resuming needs to do the same again. Holds no secret."""

    version: str
    """Of batchpatch."""
    inputs: tuple[InputFile, ...]
    mapping: dict[str, dict[str, str]]
    """Of each input, by its path: what each column is used for."""
    options: dict[str, Any] = field(default_factory=dict)
    """See `plain_settings`; and `flags`, those of the command line."""
    client_id: str | None = None
    organisation: str | None = None
    organisation_name: str | None = None
    client_name: str | None = None
    api_url: str | None = None
    login_url: str | None = None
    purged: tuple[str, ...] = ()
    """Names of the files that a purge has removed: what they held, nobody knows any more."""
    started: str
    """UTC, RFC 3339."""
    unkept: int = 0
    """Of an undo: rows of the run that it cannot take back, because no values before were kept."""
    kind: RunKind = "run"
    """What is done with the rows: sent, or planned."""
    mends: tuple[RunName, ...] = ()
    """The runs of whose failed rows the inputs are, as far as these say so."""
    limit_reached: bool = False
    """A process has settled all rows up to `--limit`, and has said so: the next one goes on to the
    end of the input."""

    @property
    def limit(self) -> int | None:
        """What `--limit` still is for whoever goes on: none once it is reached."""
        return None if self.limit_reached else settings_from(self.options).read.limit

    @property
    def truncated(self) -> bool:
        """The copy of standard input was not made to its end: it may end in the middle of a row,
        and what came after it is lost."""
        return any(file.kind == "spool" and file.size is None for file in self.inputs)


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes of `run.json`."""
    _refuse_secrets(manifest.options)
    return dump_document({"format": FORMAT, **to_plain(manifest)})


def decode_manifest(data: bytes, *, name: str) -> Manifest:
    """What `encode_manifest` was given. `name` is the file's, for the sentence.

    Raises:
        RecordError: it is damaged, no manifest, or of a later release than this one.
    """
    document = load_document(data, name=name)
    try:
        if not isinstance(document, dict):
            raise MisfitError("", "an object")
        _refuse_later(document, name)
        from_plain(list[str], document.get("options", {}).get("flags", []), "options.flags")
        manifest: Manifest = from_plain(Manifest, known_only(Manifest, document))
    except (ValueError, AttributeError) as error:
        raise RecordError(f"{name} is not the run.json of a batchpatch run: {error}") from None
    return manifest


def _refuse_later(document: Mapping[str, Any], name: str) -> None:
    number = from_plain(int, document.get("format", 1), "format")
    if number > FORMAT:
        version = str(document.get("version", ""))[:40]
        raise RecordError(
            f"{name} is of a later batchpatch{f' ({version!a})' if version else ''}, which writes "
            f"format {number}; this one reads up to {FORMAT}: go on with that release."
        )


def _refuse_secrets(options: Mapping[str, Any]) -> None:
    """A guard against a later mistake in the code that fills the options; no user sees it."""
    for name in options:
        if any(word in name.lower() for word in _SECRET_WORDS):
            raise ValueError(f"the option {name} does not belong into run.json")


def plain_settings(settings: Settings) -> dict[str, Any]:
    """The settings as plain values, for `Manifest.options`."""
    # Constants are what the user wrote on the command line, not a customer's data.
    plain: dict[str, Any] = to_plain(settings)
    return plain


def settings_from(options: Mapping[str, Any]) -> Settings:
    """The settings of an earlier run; what it did not know yet is as by default.

    Raises:
        RecordError: `options` does not hold them.
    """
    try:
        wanted = {name: value for name, value in options.items() if name != "flags"}
        settings: Settings = from_plain(Settings, wanted)
    except (ValueError, SettingsError) as error:
        raise RecordError(
            f"run.json does not hold the options of a run ({str(error).rstrip('.')}): start a new "
            "run instead."
        ) from None
    return settings


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
