"""JSON numbers keep their digits, and every value becomes the text it has in the file."""

from __future__ import annotations

from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.formats.exact_json import load_exactly
from batchpatch.reading.values import UnsendableError, text_of

numbers = st.one_of(
    st.integers().map(str),
    st.integers(10**22, 10**40).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
    st.from_regex(r"-?(0|[1-9][0-9]{0,4})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", fullmatch=True),
    st.sampled_from(["1.10", "-0", "-0.0", "1e5", "1E+5", "1e999", "12345678901234567890123"]),
)
values = st.recursive(
    st.none() | st.booleans() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
)


@given(number=numbers)
def test_a_number_is_sent_with_the_digits_of_the_file(number: str) -> None:
    """1.10 is a version, and a 23-digit id is not the nearest float."""
    Decimal(number)
    value = load_exactly(f'{{"a": {number}}}'.encode())["a"]
    text = text_of("a", value, empty="leave", nested="refuse")
    assert text == number
    assert type(text) is str  # what follows serialises with orjson, which is strict about that


@given(value=values)
def test_what_has_no_number_is_read_as_orjson_reads_it(value: object) -> None:
    """Exactness is for numbers; the rest is not read by another library's rules."""
    assert load_exactly(orjson.dumps(value)) == value


@given(
    data=st.binary(max_size=30)
    | st.text(alphabet='{}[]",:0.e-tru "\\uD8', max_size=12).map(str.encode)
)
def test_any_bytes_are_json_or_a_value_error(data: bytes) -> None:
    """Nothing else may come out, and nothing that orjson refuses may come in."""
    try:
        load_exactly(data)
    except ValueError:
        return
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if "infinity" not in str(error):  # a number beyond a double is text to us
            raise


@pytest.mark.parametrize(
    "line",
    [b"NaN", b"[Infinity]", rb'"\ud800"', b'[1e999, "\\ud800"]', b"[1e999, NaN]", b"\xff", b'"\0"'],
)
def test_what_the_standard_library_would_let_through_is_no_json(line: bytes) -> None:
    """A lone surrogate could not be sent, and NaN is no value of the platform's."""
    with pytest.raises(ValueError, match=r"JSON|surrogate|infinity|UTF-8|character"):
        load_exactly(line)


def test_the_last_of_two_equal_keys_wins() -> None:
    """With numbers, which take the other library, as without."""
    assert load_exactly(b'{"a": "x", "a": "y"}') == {"a": "y"}
    assert load_exactly(b'{"a": 1, "b": 0, "a": 2}') == {"a": "2", "b": "0"}


@pytest.mark.parametrize("depth", [100, 900, 5000])
def test_deep_nesting_is_a_value_or_a_value_error(depth: int) -> None:
    """A line of brackets is no reason for a traceback."""
    line = b'{"a":' * depth + b"1" + b"}" * depth
    try:
        value = load_exactly(line)
        text = text_of("a", value, empty="leave", nested="json")
        assert text is not None
        assert text.encode() == line
    except (ValueError, UnsendableError):
        assert depth > 100


@pytest.mark.parametrize(
    ("value", "empty", "text"),
    [
        (None, "leave", None),
        (None, "set", ""),
        ("", "leave", ""),
        ("", "set", ""),
        (" ", "leave", " "),
        (True, "leave", "true"),
        (False, "set", "false"),
    ],
)
def test_what_is_no_text_has_one(value: object, empty: str, text: str | None) -> None:
    """A null leaves the attribute alone unless the user says it clears it; `""` clears it."""
    assert text_of("a", value, empty=empty, nested="refuse") == text


@given(
    value=st.lists(values) | st.dictionaries(st.text(), values),
    number=numbers.filter(lambda text: text != "1e999"),
)
def test_nested_values_are_refused_or_sent_as_json(value: object, number: str) -> None:
    """Sent, they hold the same value, with the digits of the file."""
    line = orjson.dumps([value]).removesuffix(b"]") + f",{number}]".encode()
    loaded = load_exactly(line)
    with pytest.raises(UnsendableError) as caught:
        text_of("a", loaded, empty="leave", nested="refuse")
    assert caught.value.row_error.code == "nested_value"
    text = text_of("a", loaded, empty="leave", nested="json")
    assert text is not None
    assert orjson.loads(text)[:1] == [value]
    assert text.endswith(f",{number}]")


def test_a_nul_is_refused() -> None:
    """It is a sign of a damaged file, and databases behind the platform refuse it."""
    with pytest.raises(UnsendableError):
        text_of("a", "x\0", empty="leave", nested="refuse")
