"""A link that leads nowhere is found out by the reader, in a browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from sessions import BLOCK, PAGES, ROOT

if TYPE_CHECKING:
    from pathlib import Path

LINKING = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
MOST_LINES = 300
"""What a person reads of one page."""


def anchors_of(page: Path) -> set[str]:
    """The anchors of its headings, as a forge makes them."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.strip().lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", LINKING, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """The file is there, and the heading in it."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for target in ("".join(found) for found in LINK.findall(text)):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        other = (page.parent / name).resolve() if name else page
        assert other.exists(), target
        assert not anchor or anchor in anchors_of(other), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_as_long_as_a_person_reads(page: Path) -> None:
    """Nine hundred lines were read by nobody."""
    assert len(page.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_every_page_is_linked_from_the_readme() -> None:
    """A page that nothing leads to is not there."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    pages = [str(page.relative_to(ROOT)) for page in PAGES if page.name != "README.md"]
    assert [page for page in pages if f"({page}" not in text] == []
