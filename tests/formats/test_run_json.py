"""`run.json` comes back as it was, or is refused in one sentence, whatever is in it."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchpatch.errors import BatchpatchError, RecordError
from batchpatch.formats.run_json import (
    FORMAT,
    InputFile,
    Manifest,
    decode_manifest,
    decode_summary,
    encode_manifest,
    encode_summary,
    plain_settings,
    settings_from,
)
from batchpatch.model import Criterion, Summary
from batchpatch.options.read import FindOptions, ReadOptions
from batchpatch.options.run import (
    ConnectOptions,
    MergeOptions,
    PaceOptions,
    Rate,
    RetryPolicy,
    Safeguards,
    Settings,
    VerifyOptions,
)

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
NAME = TEXT.filter(str.strip)
POSITIVE = st.floats(0.001, 1e6)
COUNT = st.integers(1, 50)
RATES = st.none() | st.builds(Rate, POSITIVE)

READS = st.builds(
    ReadOptions,
    format=st.sampled_from([None, "csv", "jsonl"]),
    encoding=st.none() | TEXT,
    delimiter=st.sampled_from([None, ",", ";", "\t"]),
    columns=st.dictionaries(st.sampled_from(["conversation", "participant", "key"]), TEXT),
    participant=st.lists(
        st.builds(
            Criterion, st.just("purpose"), st.sampled_from(["customer", "agent"]), st.just("")
        )
        | st.builds(Criterion, st.just("match"), NAME, NAME),
        max_size=2,
    ).map(tuple),
    attributes=st.lists(TEXT, max_size=3).map(tuple),
    all_columns=st.booleans(),
    constants=st.dictionaries(NAME, TEXT, max_size=2),
    empty=st.sampled_from(["leave", "set"]),
    nested=st.sampled_from(["refuse", "json"]),
    limit=st.none() | COUNT,
)
SETTINGS = st.builds(
    Settings,
    read=READS,
    find=st.builds(FindOptions, lookup_batch=COUNT, ambiguous=st.sampled_from(["refuse", "all"])),
    merge=st.builds(MergeOptions, window_rows=COUNT, live_first=st.booleans()),
    connect=st.builds(ConnectOptions, COUNT, POSITIVE, POSITIVE, POSITIVE, st.none() | TEXT),
    retry=st.builds(RetryPolicy, COUNT, POSITIVE, POSITIVE, POSITIVE, POSITIVE, COUNT),
    pace=st.builds(PaceOptions, RATES, RATES, st.floats(0.01, 1), COUNT),
    route=TEXT,
    safeguards=st.builds(
        Safeguards,
        guard=st.booleans(),
        keep_before=st.booleans(),
        verify=st.builds(VerifyOptions, share=st.floats(0, 1), for_s=st.floats(0, 100)),
    ),
)
FILES = st.builds(
    InputFile,
    path=TEXT,
    size=st.none() | st.integers(0, 1 << 50),
    sha256=st.none() | TEXT,
    kind=st.sampled_from(["file", "spool", "stream"]),
    name=TEXT,
)
OPTIONAL = st.none() | TEXT
MANIFESTS = st.builds(
    Manifest,
    version=TEXT,
    inputs=st.lists(FILES, max_size=3).map(tuple),
    mapping=st.dictionaries(TEXT, st.dictionaries(TEXT, TEXT, max_size=2), max_size=2),
    options=st.fixed_dictionaries({"flags": st.lists(TEXT, max_size=3)}),
    client_id=OPTIONAL,
    organisation=OPTIONAL,
    api_url=OPTIONAL,
    login_url=OPTIONAL,
    purged=st.lists(TEXT, max_size=2).map(tuple),
    started=TEXT,
)
MANIFEST = Manifest(
    version="1.0", inputs=(), mapping={}, options=plain_settings(Settings()), started="at"
)


def decoded(document: Any) -> Manifest:
    return decode_manifest(json.dumps(document).encode(), name="run.json")


@UNHURRIED
@given(MANIFESTS)
def test_a_manifest_is_read_as_it_was_written(manifest: Manifest) -> None:
    """Resuming does the same again only if it knows what that was."""
    assert decode_manifest(encode_manifest(manifest), name="run.json") == manifest


@UNHURRIED
@given(SETTINGS)
def test_the_settings_of_a_run_are_read_as_they_were_written(wanted: Settings) -> None:
    """A resumed run that reads its rows otherwise writes other values."""
    document = json.loads(encode_manifest(replace(MANIFEST, options=plain_settings(wanted))))
    assert settings_from(decoded(document).options) == wanted


def test_names_that_are_allowed_are_read_as_they_were_written() -> None:
    """They are a set, which JSON has not."""
    wanted = Settings(read=ReadOptions(only_keys=frozenset("abc")))
    assert settings_from(json.loads(json.dumps(plain_settings(wanted)))) == wanted


def test_a_directory_of_before_there_were_numbers_is_read() -> None:
    """Runs that were stopped before an upgrade are finished after it."""
    old = json.loads(encode_manifest(MANIFEST))
    del old["format"], old["purged"], old["options"]["safeguards"]["verify"]["for_s"]
    assert decoded(old).purged == ()
    assert settings_from(decoded(old).options) == Settings()


def test_a_directory_of_a_later_release_is_refused_with_both_numbers() -> None:
    """Its lines may mean something else; to guess is to write wrong values."""
    later = json.loads(encode_manifest(replace(MANIFEST, version="9.1")))
    with pytest.raises(RecordError, match=rf"later batchpatch \('9\.1'\).* {FORMAT + 1}.*{FORMAT}"):
        decoded({**later, "format": FORMAT + 1})


def test_an_option_that_this_release_does_not_know_is_not_left_out() -> None:
    """It may be what decides which rows are sent."""
    options = plain_settings(Settings())
    options["read"]["novelty"] = True
    with pytest.raises(RecordError, match=r"read\.novelty is not known to this release"):
        settings_from(options)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("connect.concurrency", 0),
        ("connect.concurrency", 10**400),
        ("connect.total_s", 0),
        ("pace.share", 0),
        ("pace.tokens", 51),
        ("pace.rate", -1),
        ("pace.rate", float("nan")),
        ("retry.retries", "5"),
        ("retry.base_s", float("inf")),
        ("merge.window_rows", 2.5),
        ("safeguards.guard", "no"),
        ("read.only_keys", "abc"),
        ("read.format", ["csv"]),
        ("route", None),
    ],
)
def test_an_option_that_no_flag_gives_is_named(place: str, value: Any) -> None:
    """Edited by hand, or damaged: the sentence says where to look."""
    options: Any = plain_settings(Settings())
    *folders, last = place.split(".")
    inner = options
    for folder in folders:
        inner = inner[folder]
    inner[last] = value
    with pytest.raises(RecordError, match=rf"{place} is not .*: start a new run instead"):
        settings_from(options)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"inputs":' + b"[" * 100_000,
        b'{"format":' + b"9" * 5000 + b"}",
        b"\xff\xfe",
        b'"text"',
        b"null",
        b'{"format": null}',
        b'{"format": true}',
    ],
)
def test_what_is_no_manifest_is_one_sentence(data: bytes) -> None:
    """Deep JSON and numbers of thousands of digits break parsers in ways of their own."""
    with pytest.raises(RecordError, match=r"^run\.json is "):
        decode_manifest(data, name="run.json")


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value in a document."""
    inner = document.items() if isinstance(document, dict) else ()
    if isinstance(document, list):
        inner = enumerate(document)
    return [path, *(one for key, value in inner for one in places(value, (*path, key)))]


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with another value in one place."""
    if not path:
        return value
    inner = {**document} if isinstance(document, dict) else [*document]
    inner[path[0]] = changed(document[path[0]], path[1:], value)
    return inner


FILE = InputFile(path="/rows.csv", size=3, sha256="ab", kind="file", name="rows.csv")
WHOLE: Any = json.loads(
    encode_manifest(replace(MANIFEST, inputs=(FILE,), mapping={"/rows.csv": {"a": "b"}}))
)
LIKE: dict[str, Any] = {"dict[str, int]": {"updated": 2}, "bool": False, "str": "at"}
SUMMARY: Any = json.loads(
    encode_summary(
        Summary(**{n: LIKE.get(str(hint), 1) for n, hint in Summary.__annotations__.items()})
    )
)


@settings(deadline=None, max_examples=600)
@given(st.sampled_from(places(WHOLE)), JUNK)
def test_anything_in_any_place_is_understood_or_one_sentence(
    path: tuple[Any, ...], value: Any
) -> None:
    """run.json is a file that people open, copy and edit."""
    try:
        manifest = decoded(changed(WHOLE, path, value))
        settings_from(manifest.options)
    except BatchpatchError:
        return
    assert isinstance(manifest.mapping, dict)
    assert all(isinstance(file, InputFile) for file in manifest.inputs)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(places(SUMMARY)), JUNK)
def test_anything_in_a_summary_is_understood_or_one_sentence(
    path: tuple[Any, ...], value: Any
) -> None:
    """A resumed run adds its counts to those in it."""
    data = json.dumps(changed(SUMMARY, path, value)).encode()
    try:
        summary = decode_summary(data, name="summary.json")
    except RecordError:
        return
    assert all(type(summary._asdict()[name]) is int for name in ("rows", "requests", "retries"))


def test_every_option_that_a_run_has_is_kept() -> None:
    """One that is forgotten is taken by a resumed run as by default."""
    assert plain_settings(Settings()).keys() == {one.name for one in fields(Settings)}
