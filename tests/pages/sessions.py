"""The commands that a page shows, and a shell that runs them in the page's order.

What a page may hold:

- ```` ```sh ````: commands, all of which end with exit code 0;
- ```` ```console ````: after each `$ ` a command (what is indented goes on) and what it prints, on
  standard output and standard error together; a line `...` stands for any number of lines;
- ```` ```csv updates.csv ````: a file that the commands of this page find.

A command that ends in `&` goes on beside the others. The platform is a sandbox of the page's own,
which settings name that everybody has: `BATCHPATCH_API_URL`.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "BENCHMARKS.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INSTALLER = re.compile(r"(uv|pipx|pip|git|cd|python3 -m venv)\b")
"""What fetches things from elsewhere is not run here."""
PROMPT = re.compile(r"^\$ (.*(?:\n    .*)*)\n?((?:(?!\$ ).*\n)*)", re.MULTILINE)
CREDENTIALS = {
    "GENESYSCLOUD_OAUTHCLIENT_ID": "sandbox",
    "GENESYSCLOUD_OAUTHCLIENT_SECRET": "sandbox",
}
VOLATILE = [
    (re.compile(r" --(api|login)-url \S+"), ""),
    (re.compile(r"^\d{4}-\d\d-\d\dT\S+\+00:00 .*\n", re.MULTILINE), ""),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "URL"),
    (re.compile(r"\d{8}T\d{6}Z|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "TIME"),
    (re.compile(r"(?<=\S)  +"), "  "),
    (re.compile(r"\d[\d.]* m?s\b( ago)?"), "DURATION"),
]
"""What differs from one run of a session to the next, lines of progress among it."""


class Step(NamedTuple):
    """What is typed, and what is said then; None where the page shows nothing."""

    command: str
    said: str | None

    @property
    def goes_on(self) -> bool:
        """True of a server that the next commands talk to."""
        return self.command.endswith(" &")


def steps_of(page: str) -> Iterator[Step]:
    """All that a page has its reader type, but for installing."""
    for language, _, text in BLOCK.findall(page):
        if language == "console":
            yield from (Step(command, said) for command, said in PROMPT.findall(text))
        elif language == "sh" and not INSTALLER.match(text):
            for part in re.split(r"(?<= &)\n", text):
                if part.strip():
                    yield Step(part.strip(), None)


def files_of(page: str) -> dict[str, str]:
    """The files that a page shows, by name."""
    return {name: text for _, name, text in BLOCK.findall(page) if name}


def settled(text: str) -> str:
    """A text without what time and chance put into it."""
    for pattern, word in VOLATILE:
        text = pattern.sub(word, text)
    return text


def is_shown(said: str, printed: str) -> bool:
    """True where a page shows what a command has printed; `...` stands for any lines."""
    pieces = re.split(r"^\.\.\.\n", settled(said), flags=re.MULTILINE)
    pattern = r"(?:.*\n)*".join(map(re.escape, pieces))
    return re.fullmatch(pattern, settled(printed)) is not None


class Shell:
    """Runs commands one after the other; variables hold from one to the next."""

    def __init__(self, at: Path, environment: dict[str, str]) -> None:
        self._at = at
        self._environment = environment
        self._beside: list[subprocess.Popen[str]] = []

    def run(self, command: str) -> tuple[str, int]:
        """What it prints, and its exit code."""
        script = f"set -e -o pipefail\n. ./.variables\n{command}\nexport -p > .variables\n"
        done = subprocess.run(
            [_bash(), "-c", script],
            cwd=self._at,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        return done.stdout, done.returncode

    def start(self, command: str) -> None:
        """Returns once it listens."""
        process = subprocess.Popen(
            [_bash(), "-c", f"exec {command.removesuffix(' &')}"],
            cwd=self._at,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._beside.append(process)
        assert process.stdout is not None
        assert any("listen" in line.lower() for line in process.stdout), command

    def close(self) -> None:
        """Ends what goes on beside."""
        for process in self._beside:
            process.terminate()
            process.communicate(timeout=30)


@contextmanager
def shell_at(at: Path, url: str, *, credentials: bool = True) -> Iterator[Shell]:
    """A shell in a folder with the samples, whose platform is a sandbox.

    `credentials`: the environment has them, as that of a reader who works with the platform.
    """
    shutil.copytree(ROOT / "samples", at / "samples")
    samples = (ROOT / "samples" / "campaign_results.csv").read_text(encoding="utf-8")
    (at / "updates.csv").write_text(samples, encoding="utf-8")
    ids = [line.split(",")[0] for line in samples.splitlines()]
    (at / "ids.csv").write_text("\n".join(ids[:41]) + "\n", encoding="utf-8")
    (at / ".variables").touch()
    program = at / "bin" / "batchpatch"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m batchpatch "$@"\n')
    program.chmod(0o755)
    shell = Shell(at, _environment(at, url) | (CREDENTIALS if credentials else {}))
    try:
        yield shell
    finally:
        shell.close()


def _environment(at: Path, url: str) -> dict[str, str]:
    return {
        "PATH": os.pathsep.join([str(at / "bin"), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "HOME": str(at),
        "BATCHPATCH_API_URL": url,
        "BATCHPATCH_LOGIN_URL": url,
    }


def with_free_ports(page: str) -> str:
    """The page, with ports that nobody uses in place of the two that pages show."""
    for port in ("8080", "8765"):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            page = page.replace(port, str(probe.getsockname()[1]))
    return page


def _bash() -> str:
    return shutil.which("bash") or "bash"
