"""The house: imports point down, rooms do not import each other, light things stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "batchpatch"

GROUND = {"errors", "model", "version"}
FLOOR = {"genesys"}
ROOMS = {"reading", "finding", "merging", "sending", "recording", "showing"}
UPSTAIRS = {
    "limits": 3,
    "stopping": 3,
    "flow": 3,
    "checking": 3,
    "settings": 3,
    "origin": 3,
    "delivering": 3,
    "opening": 4,
    "storing": 4,
    "job": 4,
    "resuming": 5,
    "plan_job": 4,
    "planning": 5,
    "pipeline": 6,
    "undoing": 7,
    "cli": 8,
    "__main__": 9,
}
"""What wires the rooms together, by height: each may import what is lower than itself."""


def height(part: str) -> int:
    """How high a part of the package stands."""
    if part in GROUND:
        return 0
    if part in FLOOR:
        return 1
    return 2 if part in ROOMS else UPSTAIRS[part]


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
        return [str(node.module)]
    if isinstance(node, ast.ImportFrom) and node.module == "batchpatch":
        return [f"batchpatch.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if alias.name.startswith("batchpatch.")]
    return []


def test_imports_point_down_only() -> None:
    """A room that imports what stands above it, or another room, cannot be understood alone."""
    wrong = [
        f"{module} imports {imported}"
        for module, imported, _ in imports()
        if part_of(module) not in ("sandbox", part_of(imported))
        and part_of(imported) != "sandbox"
        and height(part_of(imported)) >= height(part_of(module))
    ]
    assert wrong == []


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
    "reading/mapping.py",
    "reading/rows.py",
    "reading/lines.py",
    "reading/values.py",
    "merging/*.py",
    "genesys/retry.py",
    "genesys/replies.py",
    "genesys/rate.py",
    "genesys/quota.py",
    "genesys/edges.py",
    "genesys/trail.py",
    "genesys/hold.py",
    "genesys/choosing.py",
    "genesys/allowance.py",
    "genesys/lanes.py",
    "genesys/conversations.py",
    "recording/summary.py",
    "recording/settlement.py",
    "sending/access.py",
    "sending/comparing.py",
    "sending/verdicts.py",
    "sending/readback.py",
    "recording/joining.py",
    "showing/*.py",
    "limits.py",
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
        "print([m for m in ('aiohttp', 'uvloop') if m in sys.modules], file=sys.stderr)\n"
    )
    words = [word.format(input=rows) for word in arguments]
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1] == "[]"
