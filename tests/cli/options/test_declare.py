"""Flags are declared once: what a command line says becomes values, and words again."""

from __future__ import annotations

import importlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.cli.app import COMMANDS
from batchpatch.cli.options.declare import (
    Declared,
    Flag,
    Given,
    flags_of,
    idle_lines,
    join_optional_values,
    pairs_of,
)
from batchpatch.cli.options.finding import FindingFlags
from batchpatch.cli.options.platform import PlatformFlags
from batchpatch.cli.options.reading import ReadingFlags
from batchpatch.cli.options.sending import (
    AttemptFlags,
    LookingFlags,
    PaceFlags,
    SendingFlags,
    VerifyFlags,
)
from batchpatch.cli.options.stopping import StoppingFlags
from batchpatch.errors import SettingsError

GROUPS = [
    *(ReadingFlags, FindingFlags, LookingFlags, VerifyFlags),
    *(PaceFlags, AttemptFlags, SendingFlags, StoppingFlags, PlatformFlags),
]
KNOWN = flags_of(*GROUPS)


def declared(name: str) -> Declared:
    """A command as its module declares it."""
    module = importlib.import_module(f"batchpatch.cli.{COMMANDS[name].module}")
    found = getattr(module, name)
    assert isinstance(found, Declared)
    return found


def refusal(flag: Flag, text: str) -> str | None:
    """What is said to this text; None where it is read."""
    try:
        flag.read([text] if flag.is_repeated else text)
    except SettingsError as error:
        return str(error)
    return None


def given_flags() -> st.SearchStrategy[list[Given]]:
    """Flags as they may have been given, with any text as value."""
    texts = st.text(min_size=1)

    def one(name: str) -> st.SearchStrategy[Given]:
        flag = KNOWN[name]
        if flag.is_switch:
            return st.just(Given(flag, ()))
        return texts.map(lambda text: Given(flag, (text,)))

    return st.lists(st.sampled_from(sorted(KNOWN)).flatmap(one))


@given(given_flags())
def test_words_of_flags_are_read_back(flags: list[Given]) -> None:
    """A run keeps words; the commands that are printed from them must mean the same."""
    words = [word for one in flags for word in one.words]
    assert pairs_of(words, KNOWN) == flags


@pytest.mark.parametrize(
    ("words", "joined"),
    [
        (["--verify", "rows.csv"], ["--verify=100%", "rows.csv"]),
        (["rows.csv", "--verify"], ["rows.csv", "--verify=100%"]),
        (["--verify", "5%", "rows.csv"], ["--verify=5%", "rows.csv"]),
        (["--verify", "0.05"], ["--verify=0.05"]),
        (["--verify=5%", "7"], ["--verify=5%", "7"]),
        (["--verify", "--quiet"], ["--verify=100%", "--quiet"]),
        (["--set", "--verify", "5%"], ["--set", "--verify", "5%"]),
        (["--", "--verify"], ["--", "--verify"]),
        (["--verify", "-1%"], ["--verify=-1%"]),
    ],
)
def test_an_optional_value_is_a_number_or_none(words: list[str], joined: list[str]) -> None:
    """`run --verify rows.csv` verifies all of rows.csv, and is no share called rows.csv."""
    assert join_optional_values(words, KNOWN) == joined


def test_commands_that_read_an_input_take_the_same_flags() -> None:
    """So that one can be swapped for another in a command line."""
    run = set(declared("run").flags)
    assert run - set(declared("check").flags) == set()
    assert run - set(declared("plan").flags) == set()


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "sandbox"])
def test_each_field_of_a_command_has_its_own_flag(name: str) -> None:
    """Two groups that declare the same flag, or field, would take it from each other."""
    fields = [(field, flag.name) for _, field, flag in declared(name).fields()]
    assert len({field for field, _ in fields}) == len({flag for _, flag in fields}) == len(fields)


@pytest.mark.parametrize("name", ["run", "check", "plan", "resume", "undo", "purge", "sandbox"])
def test_every_text_is_a_value_or_a_sentence(name: str) -> None:
    """Whatever a variable of the command line holds, a traceback is no answer to it."""
    texts = ["", " ", "-", "\x1b[2J", "\udcff", "9" * 400, "nan", "-1", "1e999", "None", "=", "٣"]
    for flag in declared(name).flags.values():
        if flag.is_switch:
            continue
        sentences = [said for text in texts if (said := refusal(flag, text))]
        assert all(flag.name in said for said in sentences), sentences
        assert all(len(said) < 400 for said in sentences), sentences


@pytest.mark.parametrize("name", COMMANDS)
def test_every_value_has_a_name_in_the_help(name: str) -> None:
    """Else the library would write TEXT."""
    flags = declared(name).flags.values()
    assert [flag.name for flag in flags if (flag.metavar is None) is not flag.is_switch] == []


def test_flags_without_effect_are_one_line() -> None:
    """A word for each of them would bury what matters."""
    flags = [Given(KNOWN[name], ("x",)) for name in ("--route", "--rate", "--timeout")]
    assert idle_lines(flags, {"--route", "--timeout", "--grace"}, command="check") == [
        "--route and --timeout have no effect on check."
    ]
    assert idle_lines(flags, {"--grace"}, command="check") == []
