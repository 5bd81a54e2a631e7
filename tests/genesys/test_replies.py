"""Whatever comes back is read into a value, and none of it can hurt the report or the terminal."""

from __future__ import annotations

from email.utils import formatdate

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from batchpatch.genesys.replies import (
    LONGEST_WAIT_S,
    NoReply,
    QuotaHeaders,
    Reply,
    platform_answer,
    read_reply,
)

NOW_S = 1_700_000_000.0


def read(
    status: int = 400, body: bytes | object = b"", headers: dict[str, str] | None = None
) -> Reply:
    """Read a reply, JSON for a body that is not bytes."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return read_reply(status, CIMultiDict(headers or {}), raw, now_s=NOW_S)


def test_an_accepted_patch_is_read_without_a_body() -> None:
    """202 with nothing in it is what every success looks like."""
    reply = read(202, headers={"inin-correlation-id": "abc"})
    assert reply == Reply(202, correlation_id="abc")


def test_the_envelope_is_read() -> None:
    """Code, message and correlation id are what support asks for."""
    envelope = {
        "message": "The requested operation failed with status 404",
        "code": "not.found",
        "status": 404,
        "contextId": "ctx-1",
        "details": [],
        "errors": [],
    }
    reply = read(404, envelope)
    assert (reply.code, reply.message, reply.correlation_id) == (
        "not.found",
        "The requested operation failed with status 404",
        "ctx-1",
    )


def test_the_header_goes_before_the_context_id() -> None:
    """They agree on the platform; behind a gateway the header is the one that was logged."""
    assert read(500, {"contextId": "b"}, {"ININ-Correlation-Id": "a"}).correlation_id == "a"


@pytest.mark.parametrize("key", ["error_description", "description"])
def test_the_token_endpoints_errors_are_read(key: str) -> None:
    """It speaks OAuth's dialect, not the API's, and spells the description two ways."""
    reply = read(400, {"error": "invalid_client", key: "client not found"})
    assert (reply.code, reply.message) == ("invalid_client", "client not found")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", None),
        (b"   ", None),
        (b"<html><head><TITLE>502 Bad\nGateway</TITLE></head></html>", "502 Bad Gateway"),
        (b"<html>no title</html>", None),
        (b"upstream connect error\r\n", "upstream connect error"),
        (b'{"message": "cut of', None),
        (b'["a list"]', None),
        (b'{"message": {"a": 1}, "code": 5}', None),
        (b'{"message": "", "description": "said here"}', "said here"),
        (b"\xff\xfe\x00", "\ufffd\ufffd"),
        (b"[" * 100_000, None),
        (b'{"a":' * 100_000, None),
    ],
)
def test_a_body_that_is_no_envelope_is_no_trouble(body: bytes, message: str | None) -> None:
    """Proxies, load balancers and broken connections answer in the platform's place."""
    reply = read(502, body)
    assert (reply.code, reply.message) == (None, message)


def test_a_message_is_one_short_printable_line() -> None:
    """It goes to a terminal and into a report: no escape codes, no reversed text, no essay."""
    message = read(400, {"message": "a\x1b[31m\r\n\u202eb\u0000" + "x" * 5000}).message
    assert message is not None
    assert message.startswith("a [31m b x")
    assert len(message) == 300
    assert message.isprintable()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("42", 42.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("999999999", LONGEST_WAIT_S),
        ("9" * 400, None),
        ("-3", None),
        ("soon", None),
        ("nan", None),
        (formatdate(NOW_S + 90, usegmt=True), 90.0),
        (formatdate(NOW_S - 90, usegmt=True), 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_WAIT_S),
        ("Mon, 99 Foo 99999 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    """Both are allowed by HTTP, and a gateway may send either; nonsense must not stop a run."""
    assert read(503, headers={"Retry-After": header}).retry_after_s == seconds


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Rate limit exceeded the maximum. Retry the request in [42] seconds", 42.0),
        ("Rate limit exceeded the maximum [300] requests within [60] seconds", 60.0),
        ("Rate limit exceeded", None),
        ("[99999999999999999999] seconds", None),
    ],
)
def test_the_message_names_the_seconds_where_no_header_does(
    message: str, seconds: float | None
) -> None:
    """The documented 429 in both its versions; the older one names the whole window."""
    assert read(429, {"message": message}).retry_after_s == seconds


def test_the_header_goes_before_the_message() -> None:
    """The header is what the documentation promises."""
    body = {"message": "Retry the request in [42] seconds"}
    assert read(429, body, {"Retry-After": "5"}).retry_after_s == 5.0


@pytest.mark.parametrize(
    ("count", "allowed", "reset", "quota"),
    [
        ("5", "300", "42", QuotaHeaders(5, 300, 42)),
        ("5", "300", None, None),
        ("5", "300", "soon", None),
        ("5", "-1", "1", None),
        ("5", "1" * 30, "1", None),
        ("\u0665", "300", "1", None),
        (None, None, None, None),
    ],
)
def test_the_quota_is_three_numbers_or_nothing(
    count: str | None, allowed: str | None, reset: str | None, quota: QuotaHeaders | None
) -> None:
    """Half of it would be worse than nothing for whoever follows the window."""
    headers = {
        f"inin-ratelimit-{name}": value
        for name, value in (("count", count), ("allowed", allowed), ("reset", reset))
        if value is not None
    }
    assert read(202, headers=headers).quota == quota


SIGN_IN = b"<!DOCTYPE html><html><head><title>Sign in &amp; go on</title></head></html>"


@pytest.mark.parametrize("status", [200, 202, 204, 401, 403, 404])
@pytest.mark.parametrize(
    ("body", "title"),
    [
        (SIGN_IN, "Sign in & go on"),
        (b"\r\n  <HTML>", None),
        (b"<title>\x1b[2J" + b"long " * 100 + b"</title>", "[2Jlong long"),
        (b"Access denied by the firewall", None),
        (b'{"attributes": {"a": "1"', None),
        (b"\xff\xfe", None),
        (b"{}" * 20_000 + b"]", None),
    ],
)
def test_a_page_is_no_answer(status: int, body: bytes, title: str | None) -> None:
    """A proxy's sign-in page is no success, no refusal of the token, and no unknown conversation.

    Its title is shown: to whoever knows the proxy it says all, and it is foreign text.
    """
    answer = platform_answer(read(status, body))
    assert isinstance(answer, NoReply)
    assert (answer.kind, answer.code, answer.sent) == ("page", "not_the_platform", True)
    assert f"status {status}, not the platform" in answer.message
    assert (answer.title or "").startswith(title or "")
    assert (answer.title is None) is (title is None)
    assert answer.message.isprintable()
    assert len(answer.message) < 200


@pytest.mark.parametrize("status", [200, 202, 401, 403, 404])
@pytest.mark.parametrize(
    "body",
    [b"", b"  \r\n", b"{}", b' {"a": "<html>"}\n', b"[]", b"null", b'{"a":1}' + b" " * 99_999],
)
def test_no_body_and_json_are_the_platforms(status: int, body: bytes) -> None:
    """The write's own route answers nothing, the others JSON."""
    reply = read(status, body)
    assert platform_answer(reply) is reply


@pytest.mark.parametrize("status", [400, 413, 429, 500, 502, 503])
def test_what_a_gateway_says_of_the_request_stands(status: int) -> None:
    """A 502 is a page more often than not, and is trouble to be tried again all the same."""
    reply = read(status, SIGN_IN)
    assert platform_answer(reply) is reply


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 407, 511])
@pytest.mark.parametrize("body", [SIGN_IN, b"", b'{"message": "sign in"}'])
def test_what_the_platform_never_says_is_no_answer(status: int, body: bytes) -> None:
    """A portal redirects to its page, whatever it sends beside: no row is refused by that."""
    answer = platform_answer(read(status, body))
    assert isinstance(answer, NoReply)
    assert (answer.kind, answer.sent) == ("page", True)
    assert f"status {status}, not the platform" in answer.message


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("https://user:hush@portal.test:444/login?ticket=hush", "(to portal.test)"),
        ("/relative?ticket=hush", "platform"),
        ("http://[::1", "platform"),
        ("https://\x1b[2J\u202e.test/", "platform"),
        ("", "platform"),
    ],
)
def test_where_a_redirect_leads_is_shown_by_its_host(target: str, words: str) -> None:
    """Whoever knows the portal is helped by its name; the rest of the address may be a secret."""
    answer = platform_answer(read_reply(302, {"Location": target}, b""))
    assert isinstance(answer, NoReply)
    assert words in answer.message
    assert "hush" not in answer.message
    assert answer.message.isprintable()


def test_half_a_body_is_judged_by_what_there_is() -> None:
    """A status stands although its body breaks off, unless that body is a page's."""
    whole = read(202, b'{"attributes": {"a": "1"')
    assert isinstance(platform_answer(whole._replace(whole=False)), Reply)
    assert isinstance(platform_answer(read(202, SIGN_IN)._replace(whole=False)), NoReply)


def test_the_repr_hides_the_body() -> None:
    """The token endpoint's body is a token, and an assertion's message prints reprs."""
    reply = read(200, {"access_token": "hush"})
    assert b"hush" in reply.body
    assert "hush" not in repr(reply)
    assert "hush" not in f"{reply}"


AROUND = st.text(
    st.sampled_from("\x00\t\n\x0b\r\x1c\x1f\x85\xa0\u2028\u200b\ufeff +-,"), max_size=3
)
VALUES = st.sampled_from(
    [
        *(
            "0",
            "5",
            "42",
            "9" * 400,
            "1" * 10,
            "-1",
            "1.5",
            "1e9",
            "\u0665",
            "\u00bd",
            "nan",
            "inf",
            "",
        ),
        "Thu, 01 Jan 0001 00:00:00 +2359",
        "Wed, 21 Oct 2015 07:28:00 GMT",
        "Wed, 21 Oct 2015 07:28:00 +" + "9" * 300,
    ]
)
HEADERS = st.builds("{}{}{}".format, AROUND, VALUES | st.text(max_size=30), AROUND)


@settings(max_examples=1500)
@given(*[HEADERS] * 5)
@example("0", "0", "0\x1f", "0\x1c", "")
def test_any_header_is_a_value_or_none(
    count: str, allowed: str, reset: str, retry_after: str, correlation_id: str
) -> None:
    """Python's idea of a space is wider than HTTP's, and it knows other digits than ours."""
    headers = {
        "inin-ratelimit-count": count,
        "inin-ratelimit-allowed": allowed,
        "inin-ratelimit-reset": reset,
        "Retry-After": retry_after,
        "ININ-Correlation-Id": correlation_id,
    }
    reply = read(429, headers=headers)
    assert reply.retry_after_s is None or 0 <= reply.retry_after_s <= LONGEST_WAIT_S
    quota = reply.quota
    assert quota is None or 0 <= min(quota.count, quota.allowed, quota.reset_s) < 10**9
    assert (reply.correlation_id or "x").isprintable()


NAMES = st.sampled_from(
    [
        "Retry-After",
        "ININ-Correlation-Id",
        "inin-ratelimit-count",
        "inin-ratelimit-allowed",
        "inin-ratelimit-reset",
        "Content-Type",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["message", "code", "contextId", "error", "description"]) | st.text(),
            inner,
        )
    ),
    max_leaves=8,
)


@given(
    status=st.integers(100, 999),
    headers=st.dictionaries(NAMES, st.text(st.characters())),
    body=st.binary() | JSON.map(orjson.dumps) | st.text().map(str.encode),
)
@example(status=429, headers={"Retry-After": "Thu, 01 Jan 0001 00:00:00 +2359"}, body=b"")
@example(status=400, headers={"ININ-Correlation-Id": "\udcff"}, body=b'{"message": "\\ud800"}')
def test_any_answer_is_a_reply(status: int, headers: dict[str, str], body: bytes) -> None:
    """A run survives every byte, and what it keeps of them can be written as JSON."""
    reply = read_reply(status, CIMultiDict(headers), body, now_s=NOW_S)
    assert reply.status == status
    kept = [reply.code, reply.message, reply.correlation_id]
    assert all(text is None or (text.isprintable() and len(text) <= 300) for text in kept)
    assert orjson.dumps(kept)
    assert reply.retry_after_s is None or 0 <= reply.retry_after_s <= LONGEST_WAIT_S
