"""The help of a command: one screen with the flags of every day, or a page with all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import click

_PARTS = {
    "How the input is read": "The rows",
    "How participants are found": "The rows",
    "What is looked at before and after": "How, and where to",
    "How it is sent": "How, and where to",
    "When it stops or waits": "How, and where to",
    "Where to": "How, and where to",
    "Trying it out": "How, and where to",
}
"""Groups that have few flags for every day stand under one title on the screen."""


class Entry(NamedTuple):
    """A line of the list of flags."""

    title: str
    """Of its group."""
    term: str
    """The flag as it is written, with the name of its value."""
    help: str
    brief: str | None
    """What the screen says of it; None leaves it to the page."""


Term = tuple[str, str]


def write_screen(
    formatter: click.HelpFormatter,
    *,
    about: str,
    arguments: Collection[Term],
    entries: Collection[Entry],
    command: str,
) -> None:
    """Write what is needed every day: no line is spent that is not."""
    summary, *others = _paragraphs(about)
    example = next((text for text in others if text.startswith("Example:")), None)
    formatter.write_paragraph()
    _write_lines(formatter, [summary, *([example] if example else [])])
    formatter.write_paragraph()
    shown = [one._replace(title=_part(one)) for one in entries if one.brief is not None]
    sections = _sections((one.title, (one.term, one.brief or "")) for one in shown)
    if arguments:
        first = next(iter(sections))
        sections[first] = [*arguments, *sections[first]]
    width = max(len(term) for terms in sections.values() for term, _ in terms)
    for title, terms in sections.items():
        formatter.write_heading(title)
        formatter.indent()
        formatter.write_dl([(term.ljust(width), text) for term, text in terms])
        formatter.dedent()
    if hidden := len(entries) - len(shown):
        formatter.write(f"{command} --help-all shows {hidden} more.\n")


def write_page(
    formatter: click.HelpFormatter,
    *,
    about: str,
    arguments: Collection[Term],
    entries: Iterable[Entry],
) -> None:
    """Write all there is to say."""
    for text in _paragraphs(about):
        formatter.write_paragraph()
        _write_lines(formatter, [text])
    if arguments:
        with formatter.section("Arguments"):
            formatter.write_dl(list(arguments))
    for title, terms in _sections((one.title, (one.term, one.help)) for one in entries).items():
        with formatter.section(title):
            formatter.write_dl(terms)


def _paragraphs(about: str) -> list[str]:
    return [" ".join(text.split()) for text in about.split("\n\n")]


def _write_lines(formatter: click.HelpFormatter, texts: Iterable[str]) -> None:
    formatter.indent()
    for text in texts:
        formatter.write_text(text)
    formatter.dedent()


def _part(entry: Entry) -> str:
    return _PARTS.get(entry.title, entry.title)


def _sections(pairs: Iterable[tuple[str, Term]]) -> dict[str, list[Term]]:
    sections: dict[str, list[Term]] = {}
    for title, term in pairs:
        sections.setdefault(title, []).append(term)
    return sections
