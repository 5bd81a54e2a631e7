"""Row errors, why a record is no row: codes, words and hints.

They hold of its content at most what is in the place of an id.
"""

from __future__ import annotations

from typing import NamedTuple


class RowError(NamedTuple):
    """What is wrong with a record. `code` is stable; the words may change."""

    code: str
    message: str
    hint: str


class UnreadRecordError(RowError):
    """A record that could not be read, with its text as it stands in the input."""

    text: str = ""


SHOWN_LENGTH = 60


def shown(name: str) -> str:
    """A name as a message shows it: quoted, on one line, and not endlessly."""
    return repr(name if len(name) <= SHOWN_LENGTH else name[: SHOWN_LENGTH - 3] + "...")


UUID_HINT = "An id is a UUID such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301; copy it whole."


def missing_participant(selectors: str, *, has_id: bool) -> RowError:
    """Nothing in the row, and no option, says who is meant.

    Args:
        selectors: the columns that could, in words.
        has_id: there is a place for an id, which is empty.
    """
    return RowError(
        "missing_participant",
        "the participant id is empty" if has_id else "no cell says who the participant is",
        f"Fill it in, or say who is meant: --participant customer, or a column {selectors}.",
    )


def bad_selector(field: str, attribute: str) -> RowError:
    """What a participant is to be recognised by is no text."""
    name = f"{field}.{attribute}" if attribute else field
    return RowError(
        "bad_selector",
        f"{shown(name)}, which selects the participant, is neither text nor a number",
        'Write it as text, such as "purpose": "customer".',
    )


def bad_plan(key: str) -> RowError:
    """A line of a plan was changed in what must not change, or damaged."""
    return RowError(
        "bad_plan",
        f"{key} is not what a plan has there",
        "Make the plan again with batchpatch plan; lines may be left out, but not rewritten.",
    )


def ragged(cells: int, columns: int, first: int, last: int, *, escaped: bool = False) -> RowError:
    """The record has another number of cells than the header has columns.

    `escaped`: a delimiter has a backslash in front of it.
    """
    count = "1 cell" if cells == 1 else f"{cells} cells"
    message = f"{count} where the header has {columns} columns"
    if last > first:
        hint = f"If these are several rows, a quote in line {first} is not closed where it should."
        return RowError("ragged", f"{message}, in lines {first} to {last}", hint)
    if escaped:
        return RowError("ragged", message, f"{ESCAPE}; else put such a cell in double quotes.")
    hint = (
        "Put a cell that contains the delimiter or a line break in double quotes."
        if cells > columns
        else "A line was cut off, or trailing delimiters are missing: write the empty cells out."
    )
    return RowError("ragged", message, hint)


ESCAPE = "If a backslash takes the meaning from the character behind it here, add --escape '\\'"


def unclosed_quote(first: int, opened: int, last: int) -> RowError:
    """A quote is open at the end; the record may begin before the quote."""
    lines = f"line {last}" if first == last else f"lines {first} to {last}"
    return RowError(
        "unclosed_quote",
        f"the quote opened in line {opened} is never closed ({lines} cannot be read)",
        f"{_close(opened)}.",
    )


def swallowing_quote(first: int, opened: int, next_line: int) -> RowError:
    """A quote is open where another record seems to begin."""
    last = next_line - 1
    lines = f"line {last}" if first == last else f"lines {first} to {last}"
    return RowError(
        "unclosed_quote",
        f"the quote opened in line {opened} is not closed before line {next_line}, which looks "
        f"like a row of its own ({lines} cannot be read)",
        f"{_close(opened)}; if the cell does hold such lines, add --multiline any.",
    )


def _close(opened: int) -> str:
    return f'Close it in line {opened}, or double it ("") if it belongs to the text'


def bad_quotes(first: int, last: int, *, escaped: bool = False) -> RowError:
    """Text after a closing quote: where the cell ends cannot be known.

    `escaped`: a quote has a backslash in front of it.
    """
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    hint = 'Double a quote that belongs to the text (""), and close each quoted cell.'
    if escaped:
        hint = f"{ESCAPE}. {hint}"
    return RowError("bad_quotes", f"text follows a closing quote in {where}", hint)


def kept_text(records: int) -> RowError:
    """The text of a failed row was edited into something else than a record."""
    return RowError(
        "bad_text",
        f"batchpatch_text holds {records} records",
        "Mend it to one record, as the input had it; others belong into lines of their own.",
    )


def cell_too_large(first: int, last: int, limit_mib: int) -> RowError:
    """A cell past the limit, most often a quote that is never closed."""
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    return RowError(
        "cell_too_large",
        f"a cell in {where} is larger than {limit_mib} MiB",
        f"Look for a quote in line {first} that is never closed.",
    )


def bad_json(
    reason: str, first: int = 0, last: int = 0, *, at: int = 0, hint: str = ""
) -> RowError:
    """The record, which is on these lines, is not one JSON value.

    Args:
        reason: what the parser says.
        first: line of its beginning.
        last: line of its end.
        at: the line where the parser gave up.
        hint: what to do, where that is known.
    """
    where, place = "", ""
    if last > first:
        where, place = f" in lines {first} to {last}", f" (line {at})" if at else ""
        hint = hint or "Look in these lines for a missing quote, comma or bracket."
    hint = hint or "Write one JSON object on each line."
    return RowError("bad_json", f"not valid JSON{where}: {reason}{place}", hint)


def undecodable(octet: int) -> RowError:
    """The record is not text in the encoding of JSON, which its neighbours may be."""
    return RowError(
        "bad_json",
        f"not valid JSON: not UTF-8 text (byte 0x{octet:02x})",
        "Save the file as UTF-8; where all of it is in one other encoding, name that: "
        "--encoding NAME.",
    )


def record_too_large(first: int, last: int, limit_mib: int) -> RowError:
    """An object past the limit, most often one that is never closed."""
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    return RowError(
        "record_too_large",
        f"the object in {where} is larger than {limit_mib} MiB",
        f"Look for a bracket in line {first} that is never closed.",
    )


def bad_own_cell(code: str, problem: str) -> RowError:
    """A column of the tool's own was edited into something else."""
    return RowError(code, problem, "Leave that column as the failed file had it, or empty it.")


def bad_skip() -> RowError:
    """What `batchpatch_skip` leaves out cannot be read."""
    return bad_own_cell("bad_skip", "batchpatch_skip does not say what to leave out")


_OTHERWISE = "where the key means something else, name another with --map {0}=KEY"

MOST_ID_CHARS = 1000
"""Of what the sender calls a row: it is held while the row waits, and stands in its result."""

BAD_ID = RowError(
    "bad_id",
    f"the row's id is neither a number nor a text of at most {MOST_ID_CHARS:,} characters",
    f"Write it as a short text, such as a UUID; {_OTHERWISE.format('id')}.",
)

BAD_PRIORITY = RowError(
    "bad_priority",
    "the row's priority is neither high nor normal",
    f'Write "high" or "normal", or leave it out; {_OTHERWISE.format("priority")}.',
)

BAD_DEADLINE = RowError(
    "bad_deadline",
    "the row's deadline is neither a duration nor a number of seconds",
    f"Write it like 30s, 5m or 1h30m, from 0; {_OTHERWISE.format('deadline')}.",
)

NOT_AN_OBJECT = RowError(
    "not_an_object",
    "the line is valid JSON but no object",
    'Write {"conversationId": ..., "participantId": ..., "attributes": {...}} on each line.',
)

EMPTY_NAME = RowError(
    "empty_name",
    "an attribute has no name",
    "Name it: the platform cannot delete an attribute once it is there.",
)

KEY_WITHOUT_NAME = RowError(
    "empty_name", "the key is empty", "Name the attribute in the key column."
)

NUL_TEXT = RowError(
    "nul_character",
    "a NUL character in a value",
    "The file is probably damaged or in another encoding: export it again, or use --encoding.",
)


def nested(name: str) -> RowError:
    """A value is an object or array; the platform keeps strings."""
    return RowError(
        "nested_value",
        f"the value of {shown(name)} is an object or array",
        "Attribute values are text: flatten it, or add --nested json to send its JSON.",
    )


def lost_digits(place: str) -> RowError:
    """A number in a cell of a workbook that has more digits than are kept of it."""
    return RowError(
        "lost_digits",
        f"the number in {place} has more than 15 digits, of which a spreadsheet keeps 15",
        "Format the column as text, and enter or import it again.",
    )


def formula_without_value(place: str) -> RowError:
    """A formula whose value nobody has computed yet."""
    return RowError(
        "no_value",
        f"the formula in {place} has no value",
        "Open the workbook in a spreadsheet program, which computes it, and save it.",
    )


def not_allowed(name: str) -> RowError:
    """--only-keys was given and does not list this name."""
    return RowError(
        "unexpected_key",
        f"the attribute {shown(name)} is not among --only-keys",
        "Correct the name, or add it to --only-keys.",
    )


def not_listed(name: str) -> RowError:
    """The rules say that only the names in them may occur, and this is none."""
    return RowError(
        "unexpected_key",
        f"the attribute {shown(name)} is not in the rules, which have all that may occur",
        "Correct the name, or add it to the rules.",
    )
