"""What messages say to do can be done: the flags and commands that they name are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from batchpatch.cli.app import COMMANDS, program

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parent.parent / "batchpatch"
FLAG = re.compile(r"(?<![\w-])(?<!var\()--[a-z][a-z0-9-]*[a-z0-9]")  # var(--x) is of a style sheet
COMMAND = re.compile(r"batchpatch ([^`]+)\Z")


def texts(node: ast.AST) -> Iterator[tuple[int, str]]:
    """The texts of a module, with their lines; what an f-string puts in is {}."""
    if isinstance(node, ast.JoinedStr):
        parts = (one.value if isinstance(one, ast.Constant) else "{}" for one in node.values)
        yield node.lineno, "".join(map(str, parts))
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.lineno, node.value
    for child in ast.iter_child_nodes(node):
        yield from texts(child)


def commands(group: click.Group, context: click.Context) -> Iterator[click.Command]:
    """Those of a group, and theirs."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield command
        if isinstance(command, click.Group):
            yield from commands(command, context)


@pytest.fixture(scope="module")
def said() -> list[tuple[str, str]]:
    """Each text of the package, docstrings among them, and where it is."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        where = path.relative_to(PACKAGE)
        found += [(f"{where}:{line}", text) for line, text in texts(tree)]
    return found


PATH = re.compile(r"(?:[a-z_.]*[._])?(?:path|out|directory|folder|fixed\.rest)(?:\.parent)?")
"""What variables are called that hold a path."""


def test_paths_are_said_as_they_are_typed() -> None:
    """A blank in a path that is not quoted makes two words of it, for a reader and for a shell."""
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.is_relative_to(PACKAGE / "sandbox"):
            continue  # it knows nothing of the rest
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.JoinedStr):
                continue
            said = [ast.unparse(p.value) for p in node.values if isinstance(p, ast.FormattedValue)]
            text = "".join(str(p.value) for p in node.values if isinstance(p, ast.Constant))
            if " " in text:
                wrong += [f"{path.name}: {one}" for one in said if PATH.fullmatch(one)]
    assert sorted(wrong) == [
        "origin.py: run.directory",  # a cell that is read again
        "page_wording.py: glance.directory.path",  # a page, on which nothing is quoted
    ]


def test_flags_that_are_named_are_flags(said: list[tuple[str, str]]) -> None:
    """A flag that was renamed lives on in sentences, where no other test looks."""
    context = click.Context(program())
    known = {flag for one in commands(program(), context) for p in one.params for flag in p.opts}
    known |= {flag for one in program().params for flag in one.opts} | {"--help"}
    named = {(where, flag) for where, text in said for flag in FLAG.findall(text)}
    assert len(named) > 300
    assert {one for one in named if one[1] not in known} == set()


def test_commands_that_are_named_are_commands(said: list[tuple[str, str]]) -> None:
    """In backticks is what can be typed: the command is there, and has these flags."""
    context = click.Context(program())
    typed = [
        (where, found[1])
        for where, text in said
        for quoted in re.findall(r"`([^`\n]+)`", text)
        if (found := COMMAND.match(quoted))
    ]
    assert len(typed) > 30
    for where, line in typed:
        name, *words = line.split()
        assert name in COMMANDS, f"{where}: {line}"
        command = program().get_command(context, name)
        assert command is not None
        flags = {flag for one in command.params for flag in one.opts}
        given = {word for word in words if word.startswith("-")}
        assert given <= flags, f"{where}: {line}"


def test_a_directory_is_called_nothing_else(said: list[tuple[str, str]]) -> None:
    """Two words for one thing are two things to whoever reads them; so is the documentation's."""
    pages = [PACKAGE.parent / "README.md", *sorted((PACKAGE.parent / "docs").glob("*.md"))]
    read = [(page.name, page.read_text(encoding="utf-8")) for page in pages]
    of_programs = {"folder"}  # a key of `runs --json`, which is fixed
    found = [
        (where, match[0])
        for where, text in [*said, *read]
        if text not in of_programs
        for match in re.finditer(r"\bfolders?\b", text, re.IGNORECASE)
    ]
    assert found == []
