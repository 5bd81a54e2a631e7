"""The flags of `batchpatch sandbox`: what they make of the sandbox."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

import batchpatch.sandbox
from batchpatch.cli.app import program
from batchpatch.errors import SettingsError
from batchpatch.sandbox import SandboxOptions

if TYPE_CHECKING:
    from collections.abc import Callable

ORGANIZATION = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Callable[..., SandboxOptions]:
    """Options that a command line would serve; raises what it raises."""

    def run(*words: str) -> SandboxOptions:
        seen: list[SandboxOptions] = []

        def serve(options: SandboxOptions, **_: object) -> None:
            seen.append(options)

        monkeypatch.setattr(batchpatch.sandbox, "serve", serve, raising=False)
        CliRunner().invoke(program(), ["sandbox", *words], catch_exceptions=False)
        return seen[0]

    return run


def test_each_flag_is_an_option(served: Callable[..., SandboxOptions]) -> None:
    """A flag that is parsed and forgotten makes a rehearsal that has rehearsed nothing."""
    options = served(
        *("--ended", "0.25", "--analytics-unknown", "0.5", "--analytics-max-ids", "7"),
        *("--apply-delay", "1.5", "--deny-reads", "conversation,analytics"),
        *("--organization", ORGANIZATION, "--seed", "3", "--fault", "kind=drop,rate=0.05"),
        *("--allowed", "9", "--rate-window-s", "7.5", "--expires-in", "5", "--foreign", "2"),
        *("--allowed-change", "4:10", "--revoke-after", "6", "--strict"),
        *("--org-allowed", "60", "--org-window-s", "10", "--ended-wrapup", "refuse"),
        *("--deny", "routing:wrapupCode:view, conversation:participant:wrapup"),
    )
    assert (options.ended, options.analytics_unknown, options.analytics_max_ids) == (0.25, 0.5, 7)
    assert (options.apply_delay_s, options.deny_reads) == (1.5, {"conversation", "analytics"})
    assert (options.organization_id, options.organization_name) == (ORGANIZATION, "Sandbox")
    assert (options.seed, options.faults[0].kind) == (3, "drop")
    assert (options.allowed, options.rate_window_s, options.foreign_per_s) == (9, 7.5, 2)
    assert (options.allowed_changes, options.revoke_after) == (((4, 10),), 6)
    assert (options.expires_in_s, options.strict) == (5, True)
    assert (options.org_allowed, options.org_window_s) == (60, 10)
    assert options.deny == {"routing:wrapupCode:view", "conversation:participant:wrapup"}
    assert options.ended_wrapup == "refuse"


def test_without_flags_nothing_is_out_of_the_ordinary(
    served: Callable[..., SandboxOptions],
) -> None:
    """The first try must show the platform at its best."""
    assert served("--port", "0") == SandboxOptions()


def test_an_organisation_can_have_a_name(served: Callable[..., SandboxOptions]) -> None:
    """A person knows an organisation by its name, colons included."""
    options = served("--organization", f"{ORGANIZATION}:Acme: Berlin")
    assert (options.organization_id, options.organization_name) == (ORGANIZATION, "Acme: Berlin")


def test_rows_of_wrap_up_codes_can_be_asked_for() -> None:
    """They come from the same command, as a stream that other commands read."""
    words = ("rows", "--count", "2", "--write", "wrapup", "--format", "jsonl")
    done = CliRunner().invoke(program(), ["sandbox", *words], catch_exceptions=False)
    lines = done.stdout.splitlines()
    assert [next(iter(json.loads(line)["wrapup"])) for line in lines] == ["code", "code"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--deny-reads", "everything"), "conversation, analytics"),
        (("--deny-reads", ""), "conversation, analytics"),
        (("--deny", "everything"), "routing:queue:view"),
        (("--org-window-s", "0"), "org_window_s"),
        (("--organization", "acme"), "UUID"),
        (("--organization", f"{ORGANIZATION}:"), "organization_name"),
        (("--apply-delay", "86400"), "apply_delay_s"),
    ],
)
def test_a_flag_that_cannot_be_is_explained(
    served: Callable[..., SandboxOptions], words: tuple[str, ...], named: str
) -> None:
    """The command line prints the sentence, which must say what to change."""
    with pytest.raises(SettingsError, match=named):
        served(*words)
