"""The house: imports point down, rooms do not import each other, light things stay light."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
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
    {"commands"},
    {"cli"},
    {"__main__"},
]
"""The folders (and the few files beside them) from the ground up; those of one floor do not know
each other, except that a write may name a route of the platform."""
MAY = {("writes", "genesys"), ("writes", "formats")}
HEIGHT = {part: height for height, parts in enumerate(FLOORS) for part in parts}


def part_of(module: str) -> str:
    """`batchpatch.reading.rows` -> `reading`."""
    return module.split(".")[1]


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
            for name in _names(node):
                found.append((module, name, id(node) in typing_only))  # noqa: PERF401
    return found


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("batchpatch."):
        inner = [f"{node.module}.{alias.name}" for alias in node.names]
        return sorted({name if _is_module(name) else str(node.module) for name in inner})
    if isinstance(node, ast.ImportFrom) and node.module == "batchpatch":
        return [f"batchpatch.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if alias.name.startswith("batchpatch.")]
    return []


def _is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


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
    "options/*.py",
    "formats/*.py",
    "reading/columns.py",
    "reading/jsonl_records.py",
    "reading/mapping.py",
    "reading/records.py",
    "reading/rows.py",
    "reading/values.py",
    "finding/matching.py",
    "merging/*.py",
    "genesys/headers.py",
    "genesys/hints.py",
    "genesys/replies.py",
    "genesys/retry.py",
    "genesys/routes.py",
    "genesys/conversations/conversation.py",
    "genesys/rate_limit/pace.py",
    "genesys/rate_limit/quota.py",
    "genesys/rate_limit/shared_limit.py",
    "genesys/rate_limit/token_slots.py",
    "genesys/rate_limit/window_state.py",
    "recording/row_results.py",
    "recording/summary.py",
    "sending/compare.py",
    "sending/denials.py",
    "sending/outcomes.py",
    "writes/*.py",
    "cli/text.py",
]
IMPURE = {"asyncio", "aiohttp", "random", "threading", "os", "socket"}


@pytest.mark.parametrize("pattern", PURE)
def test_decisions_are_pure(pattern: str) -> None:
    """Decisions take time and chance as arguments, so that their tests never sleep."""
    for path in PACKAGE.glob(pattern):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add((node.module or "").split(".")[0])
        called = {ast.unparse(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
        assert not names & IMPURE, path
        assert not called & {"time.time", "time.monotonic", "monotonic", "datetime.now"}, path


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["check", "{input}"]])
def test_light_commands_load_no_http_client(arguments: list[str], tmp_path: Path) -> None:
    """aiohttp and uvloop cost a quarter of a second, which help and checks must not pay."""
    rows = tmp_path / "rows.csv"
    rows.write_text("conversationId,participantId,attr.a\n", encoding="utf-8")
    script = (
        "import sys\nfrom batchpatch.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = ('aiohttp', 'uvloop', 'rich', 'lazy_loader')\n"
        "print([m for m in heavy if m in sys.modules], file=sys.stderr)\n"
    )
    words = [word.format(input=rows) for word in arguments]
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1] == "[]"
