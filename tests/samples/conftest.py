"""The surroundings of a sample: the library, the command `batchpatch`, and nobody's credentials."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nobody's credentials, the library, and `batchpatch` as a command."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GENESYS", "GC_", "HTTP"))}
    command = tmp_path / "bin" / "batchpatch"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m batchpatch "$@"\n')
    command.chmod(0o755)
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {
        **kept,
        "PATH": f"{command.parent}{os.pathsep}{kept['PATH']}",
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
        "HOME": str(tmp_path),
    }


@pytest.fixture
def run_sample(
    environment: dict[str, str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a sample by its interpreter, to its end."""

    def run(
        interpreter: str, name: str, *words: str, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [interpreter, str(ROOT / "samples" / name), *words],
            cwd=tmp_path,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
