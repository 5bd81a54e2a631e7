"""Number formats of spreadsheets: their sections and tokens, and numbers by them. Pure."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

from batchpatch.reading.odd_values import MOST_DIGITS

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_.|\*.|\[(?P<bracket>[^\]]*)\]'
    r"|(?P<half>AM/PM|A/P)|(?P<part>y+|m+|d+|h+|s+)|(?P<fraction>\.0+)|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_CURRENCY = re.compile(r"\$([^-\]]*)")
_WIDE = Context(prec=300, rounding=ROUND_HALF_UP)


@lru_cache(maxsize=256)
def tokens_of(section: str) -> tuple[tuple[str, str], ...]:
    """Kind and text of each piece; what takes no place (a colour, padding) is left out."""
    found = []
    for one in _TOKEN.finditer(section):
        kind, text = one.lastgroup, one[one.lastgroup] if one.lastgroup else ""
        if kind in ("quoted", "escaped"):
            found.append(("text", text))
        elif kind == "bracket":
            currency = _CURRENCY.match(text)
            if currency:
                found.append(("text", currency[1]))
            elif text.lower().strip("hms") == "" and text:
                found.append(("elapsed", text.lower()))
            elif text[:1] in "<>=":
                found.append(("condition", text))
        elif kind is not None:
            found.append((kind, text))
    return tuple(found)


@lru_cache(maxsize=256)
def sections_of(number_format: str) -> tuple[str, ...]:
    """The parts for positive, negative, zero and text."""
    pieces = re.findall(r'(?:"[^"]*"?|\\.|\[[^\]]*\]|[^;])+|(?<=;)(?=;|$)', number_format)
    return tuple(pieces)


def number_text(value: Decimal, number_format: str) -> str:
    """A number as its format shows it."""
    sections = sections_of(number_format)
    if not sections or any(_is_general(one) for one in sections[:3]):
        return _plain(value)
    own = 1 if value < 0 and len(sections) > 1 else 2 if not value and len(sections) > 2 else 0
    shown = _by_section(abs(value), sections[own])
    if shown is None:
        return _plain(value)
    is_negative = value < 0 and own == 0 and any(c in "123456789" for c in shown)
    return f"-{shown}" if is_negative else shown


def _is_general(section: str) -> bool:
    """True of what no format of numbers is, or one that hides digits: `General`, `@`, `0.0E+00`,
    fractions, conditions."""
    kinds = tokens_of(section)
    bare = "".join(text for kind, text in kinds if kind != "text")
    return (
        "general" in bare.lower()
        or any(kind == "condition" for kind, _ in kinds)
        or any(mark in bare for mark in "@eE/")
    )


def _plain(value: Decimal) -> str:
    """Written out, with as many digits as a spreadsheet keeps."""
    rounded = Decimal(f"{value:.{MOST_DIGITS}g}")
    text = f"{rounded:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _by_section(value: Decimal, section: str) -> str | None:
    """By the placeholders of one section; None where it has none that are understood."""
    tokens = _pieces(section)
    places = [at for at, (kind, _) in enumerate(tokens) if kind == "digit"]
    if not places:
        return "".join(text for kind, text in tokens if kind == "text") or None
    point = next((at for at, (kind, _) in enumerate(tokens) if kind == "point"), None)
    whole_end = len(tokens) if point is None else point
    scale = 0
    at = max((place for place in places if place < whole_end), default=-1) + 1
    while at < whole_end and tokens[at][0] == "comma":
        scale, at = scale + 3, at + 1
    value = value.scaleb(2 * sum(text == "%" for _, text in tokens) - scale)
    decimals = sum(place > whole_end for place in places)
    digits = f"{_WIDE.quantize(value, Decimal(1).scaleb(-decimals)):f}"
    whole, _, fraction = digits.partition(".")
    grouped = any(
        kind == "comma" and places[0] < at < places[-1] and at < whole_end
        for at, (kind, _) in enumerate(tokens)
    )
    before = _whole(whole.lstrip("0"), tokens[:whole_end], grouped=grouped)
    return before + _fraction(fraction, tokens[whole_end:])


def _pieces(section: str) -> list[tuple[str, str]]:
    """The tokens of a section of a number, one for each character that counts."""
    found: list[tuple[str, str]] = []
    for kind, text in tokens_of(section):
        if kind == "text":
            found.append(("text", text))
            continue
        for mark in text:
            of = "digit" if mark in "0#?" else {",": "comma", ".": "point"}.get(mark, "text")
            found.append((of, mark))
    return found


def _whole(digits: str, tokens: list[tuple[str, str]], *, grouped: bool) -> str:
    """The digits before the point, put into their places from the right."""
    left = sum(kind == "digit" for kind, _ in tokens)
    if not left:
        return "".join(text for kind, text in tokens if kind == "text") + digits
    shown: list[str] = []
    count = 0
    for kind, text in reversed(tokens):
        if kind == "text":
            shown.append(text)
        if kind != "digit":
            continue
        left -= 1
        taken = digits if left == 0 else digits[-1:]
        digits = digits[: len(digits) - len(taken)]
        for digit in reversed(taken or {"0": "0", "?": " "}.get(text, "")):
            if grouped and count and count % 3 == 0:
                shown.append(",")
            shown.append(digit)
            count += 1
    return "".join(reversed(shown))


def _fraction(digits: str, tokens: list[tuple[str, str]]) -> str:
    """The point and what is behind it; zeros of `#` are left out at the end."""
    needed = [text for kind, text in tokens if kind == "digit"]
    kept = len(digits)
    while kept and digits[kept - 1] == "0" and needed[kept - 1] == "#":
        kept -= 1
    shown, at = "", 0
    for kind, text in tokens:
        if kind == "point":
            shown += "."
        elif kind == "digit":
            shown, at = shown + (digits[at] if at < kept else ""), at + 1
        elif kind == "text":
            shown += text
    return shown
