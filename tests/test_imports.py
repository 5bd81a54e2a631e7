"""The house: imports point down, stages do not import each other, light things stay light."""

from __future__ import annotations

import ast
import graphlib
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "batchpatch"

FLOORS: list[set[str]] = [
    {"version"},
    {"errors"},
    {"model"},
    {"options"},
    {"formats", "writes", "genesys"},
    {"reading", "finding", "merging", "sending", "recording"},
    {"pipeline"},
    {"reporting"},
    {"commands", "service"},
    {"cli", "testing"},
    {"__main__", "__init__"},
]
"""The folders (and the few files beside them) from the ground up; those of one floor do not know
each other, except that a write may name a route of the platform."""
FACE = "batchpatch.__init__"
"""What the library hands to others: nothing within it imports that."""
MAY = {("writes", "genesys"), ("writes", "formats")}
ROWS = "batchpatch.reading.rows"
HEIGHT = {part: height for height, parts in enumerate(FLOORS) for part in parts}


def part_of(module: str) -> str:
    """`batchpatch.reading.rows` -> `reading`."""
    return module.split(".")[1]


@cache
def imports() -> list[tuple[str, str, bool]]:
    """Every import within the package: importing module, imported module, for typing alone."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        module = ".".join(parts).removesuffix(".__init__")
        if module == "batchpatch":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        typing_only = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            for name in _names(node, module):
                found.append((module, name, id(node) in typing_only))  # noqa: PERF401
    return found


def _names(node: ast.AST, importer: str) -> list[str]:
    """The modules of the package that one statement imports."""
    if isinstance(node, ast.Import):
        named = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        base = importer.split(".")[: -node.level] if node.level else []
        origin = ".".join([*base, *filter(None, [node.module])])
        inner = [f"{origin}.{alias.name}" for alias in node.names]
        named = [name if _is_module(name) else origin for name in inner]
    else:
        return []
    own = {name for name in named if name.split(".")[0] == PACKAGE.name}
    return sorted(FACE if name == PACKAGE.name else name for name in own)


def _is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


@pytest.mark.parametrize(
    ("statement", "modules"),
    [
        ("from batchpatch import errors", ["batchpatch.errors"]),
        ("from batchpatch import run", [FACE]),
        ("import batchpatch", [FACE]),
        ("import batchpatch.model as values", ["batchpatch.model"]),
        (
            "from batchpatch.reading import rows, row_errors",
            ["batchpatch.reading.row_errors", ROWS],
        ),
        ("from batchpatch.reading.rows import RowMaker", [ROWS]),
        ("from .rows import RowMaker", [ROWS]),
        ("from . import rows", [ROWS]),
        ("from batchpatched import rows", []),
        ("import json", []),
    ],
)
def test_every_kind_of_import_is_seen(statement: str, modules: list[str]) -> None:
    """An arrow that this file overlooks may point anywhere."""
    [node] = ast.parse(statement).body
    assert _names(node, "batchpatch.reading.inputs") == modules


def test_nothing_stands_beside_the_folders() -> None:
    """A file that belongs to no stage is a stage that nobody has found yet."""
    files = {path.stem for path in PACKAGE.glob("*.py")}
    assert files == {"__init__", "__main__", "errors", "version"}


def test_imports_point_down_only() -> None:
    """A stage that imports what stands above it, or another stage, cannot be understood alone.

    Imports for typing count: who reads a signature has to know what it names.
    """
    wrong = [
        f"{module} imports {imported}"
        for module, imported, _ in imports()
        if part_of(module) not in ("sandbox", part_of(imported))
        and part_of(imported) != "sandbox"
        and HEIGHT[part_of(imported)] >= HEIGHT[part_of(module)]
        and (part_of(module), part_of(imported)) not in MAY
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Modules of a circle can only be understood, and changed, all at once."""
    known = {module for module, _, _ in imports()}
    graph: dict[str, set[str]] = {}
    for module, imported, _ in imports():
        if imported in known:
            graph.setdefault(module, set()).add(imported)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


def test_the_sandbox_and_the_rest_do_not_know_each_other() -> None:
    """A mistake that both share would hide itself; only the command line starts the sandbox."""
    wrong = [
        f"{module} imports {imported}"
        for module, imported, _ in imports()
        if (part_of(module) == "sandbox") != (part_of(imported) == "sandbox")
        and part_of(module) != "cli"
    ]
    assert wrong == []


PURE = [
    "model/*.py",
    "options/*.py",
    "formats/*.py",
    "writes/*.py",
    "merging/*.py",
    "genesys/{headers,hints,replies,retry,routes}.py",
    "genesys/conversations/conversation.py",
    "genesys/rate_limit/{fair_share,pace,quota,shared_limit,token_slots,window_state}.py",
    "reading/{columns,dialect,json_framing,mapping,odd_values,records,row_errors,rows}.py",
    "reading/{csv_records,jsonl_records,tables,undecodable,value_texts,values}.py",
    "reading/{json_objects,json_rows,wanted_values}.py",
    "finding/matching.py",
    "sending/{compare,denials,outcomes}.py",
    "recording/{bitmap,newer_values,row_results,summary}.py",
    "cli/text.py",
]
IMPURE = {
    *("aiohttp", "asyncio", "concurrent", "multiprocessing", "os", "random", "secrets"),
    *(
        "select",
        "signal",
        "socket",
        "ssl",
        "subprocess",
        "threading",
        "time",
        "urllib.request",
        "uvloop",
    ),
}


def pure_modules() -> list[str]:
    """Those of the list, and whoever says so in the docstring."""
    listed = [name for pattern in PURE for name in _expanded(pattern)]
    said = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if re.search(r"\bPure\b", ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "")
    ]
    return sorted({*listed, *said})


def _expanded(pattern: str) -> list[str]:
    """The files of a pattern; one that names none is a mistake in the list."""
    before, _, rest = pattern.partition("{")
    choices, _, after = rest.partition("}")
    names = [f"{before}{choice}{after}" for choice in choices.split(",")] if rest else [pattern]
    found = {name: list(PACKAGE.glob(name)) for name in names}
    assert all(found.values()), f"no such file: {found}"
    return [str(path.relative_to(PACKAGE)) for paths in found.values() for path in paths]


@pytest.mark.parametrize("name", pure_modules())
def test_decisions_are_pure(name: str) -> None:
    """Decisions take time and chance as arguments, so that their tests never sleep."""
    tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))
    imported, called = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
        elif isinstance(node, ast.Call):
            called.add(ast.unparse(node.func).rpartition(".")[2])
    assert not (imported | {module.split(".")[0] for module in imported}) & IMPURE
    assert not called & {"now", "utcnow", "today", "open"}


EXTRAS = ["openpyxl", "zipfile", "tempfile", "decimal", "smart_open", "backports"]
"""What only some inputs need."""


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["check", "{input}"]])
def test_light_commands_load_no_http_client(arguments: list[str], tmp_path: Path) -> None:
    """aiohttp and uvloop cost a quarter of a second, which help and checks must not pay."""
    rows = tmp_path / "rows.csv"
    rows.write_text("conversationId,participantId,attr.a\n", encoding="utf-8")
    heavy = ["aiohttp", "uvloop", "rich", "lazy_loader", *EXTRAS]
    words = [word.format(input=rows) for word in arguments]
    assert _loaded(heavy, "batchpatch.cli:main", words) == []


def _loaded(
    heavy: list[str], name: str, words: list[str], *, env: dict[str, str] | None = None
) -> list[str]:
    """Those of the heavy modules that are there once a name is imported; called, if it is main."""
    module, what = name.split(":")
    script = (
        f"import sys\nfrom {module} import {what}\n"
        f"try:\n    {what}() if '{what}' == 'main' else None\nexcept SystemExit:\n    pass\n"
        f"print(*[m for m in {heavy} if m in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=True, env=env
    )
    return done.stderr.splitlines()[-1].split()


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_loads_no_event_loop(arguments: list[str]) -> None:
    """Whoever asks for help waits for it: what only the work needs stays out."""
    assert _loaded(["asyncio", "ssl", "email", "orjson"], "batchpatch.cli:main", arguments) == []


def test_a_run_without_a_file_of_settings_loads_no_parser_for_one(tmp_path: Path) -> None:
    """Who has all in the environment pays for no file: a hundredth of a second of each run."""
    rows = tmp_path / "rows.csv"
    rows.write_text("conversationId,participantId,attr.a\n", encoding="utf-8")
    words = ["run", str(rows), "--sandbox", "--out", str(tmp_path / "out")]
    environ = {name: text for name, text in os.environ.items() if "GENESYS" not in name}
    environ |= {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    assert _loaded(["tomllib"], "batchpatch.cli:main", words, env=environ) == []


def test_a_run_without_a_rate_loads_no_library_for_it() -> None:
    """It asks for its own version while it is loaded, which costs more than most modules."""
    assert _loaded(["aiolimiter"], "batchpatch.genesys.connect:open_client", []) == []
