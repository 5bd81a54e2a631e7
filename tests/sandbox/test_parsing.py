"""Paths, bodies and options: what they mean, and that nothing sent to them is an exception."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.sandbox import SandboxOptions
from batchpatch.sandbox.replies import Refusal, read_attributes
from batchpatch.sandbox.routes import MEDIA, Resource, Route, check_route, find_ids, find_route

C = "0b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1d"
P = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        (f"/api/v2/conversations/{C}/participants/{P}/attributes", Resource.ATTRIBUTES),
        (f"/api/v2/conversations/{C}/participants/{P}/attributes?x=/", Resource.ATTRIBUTES),
        (f"/api/v2/conversations/{C}/participants/{P}", Resource.PARTICIPANT),
        (f"/api/v2/conversations/{C}", Resource.CONVERSATION),
        ("/api/v2/tokens/me", Resource.TOKEN),
        ("/api/v2/organizations/limits/namespaces/platform.api", Resource.LIMITS),
        (f"/api/v2/conversations/calls/{C}/participants/{P}", Resource.PARTICIPANT),
        (f"/api/v2/conversations/{C}/participants/{P}/attribute", Resource.NOWHERE),
        (f"/api/v2/conversations/interactions/{C}/participants/{P}", Resource.NOWHERE),
        (f"/api/v2/conversations/interactions/{C}/participants/{P}/attributes", Resource.NOWHERE),
        ("/api/v2/analytics/conversations/details?id=x", Resource.ANALYTICS),
        ("/api/v2/analytics/conversations", Resource.NOWHERE),
        ("/api/v2/conversations/interactions", Resource.NOWHERE),
        (f"/api/v2/conversations/chats/{C}/participants/{P}/attributes", Resource.NOWHERE),
        (f"/api/v2/interactions/{C}/participants/{P}", Resource.NOWHERE),
        (f"/x/api/v2/conversations/{C}", Resource.NOWHERE),
        ("/api/v2/conversations/calls", Resource.NOWHERE),
        ("/", Resource.NOWHERE),
    ],
)
def test_a_path_leads_where_the_platform_has_it(path: str, resource: Resource) -> None:
    """Tutorials name paths that do not exist: the sandbox must not make them look right."""
    assert find_route(path).resource is resource


@pytest.mark.parametrize("media", sorted(MEDIA))
def test_each_media_type_has_the_write(media: str) -> None:
    """The per-media routes are an option of the client, so all must be there."""
    route = find_route(f"/api/v2/conversations/{media}/{C.upper()}/participants/{P}/attributes")
    assert route == Route(Resource.ATTRIBUTES, C, P, media)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PATCH", f"/api/v2/conversations/{C}/participants/x/attributes", 400),
        ("PATCH", f"/api/v2/conversations/{C}%2F..%2F{C}/participants/{P}/attributes", 400),
        ("GET", "/api/v2/conversations/none", 400),
        ("GET", f"/api/v2/conversations/{C}/participants/{P}/attributes", 405),
        ("PATCH", "/api/v2/nothing", 404),
    ],
)
def test_a_wrong_request_gets_its_status(method: str, path: str, status: int) -> None:
    """An id that is none must not create a participant of that name."""
    with pytest.raises(Refusal) as caught:
        check_route(find_route(path), method)
    assert caught.value.status == status


@given(st.text())
def test_any_path_is_a_route(path: str) -> None:
    """Whatever a client sends, the sandbox must answer."""
    find_route(path)
    find_route(f"/api/v2/conversations/{path}")
    with contextlib.suppress(Refusal):
        find_ids(f"/api/v2/analytics/conversations/details?id={path}", most=3)


@pytest.mark.parametrize(
    "query",
    [
        f"id={C},{P}",
        f"id={C}%2C{P}",
        f"id={C}%2c%20{P}",
        f"id={C}&id={P}",
        f"x=1&id={C},{P.upper()}&id={C}",
    ],
)
def test_ids_are_read_however_they_are_listed(query: str) -> None:
    """The SDK encodes the commas, curl does not, and some clients repeat the parameter."""
    assert find_ids(f"/api/v2/analytics/conversations/details?{query}", most=3) == [C, P]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", "[id]"),
        ("ids=" + C, "[id]"),
        ("id=", "valid ids"),
        (f"id={C},", "valid ids"),
        (f"id={C};{P}", "valid ids"),
        (f"id={C},{C},{P},{P}", "[4] ids"),
    ],
)
def test_a_wrong_list_of_ids_is_refused(query: str, named: str) -> None:
    """A look-up that was cut in two, or grew too long, must not pass for one that found nothing."""
    with pytest.raises(Refusal) as caught:
        find_ids(f"/api/v2/analytics/conversations/details?{query}", most=3)
    assert caught.value.status == 400
    assert named in str(caught.value.message)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"attributes": {"a": "1.10", "b": ""}}', {"a": "1.10", "b": ""}),
        (b'{"attributes": {"a": 7, "b": true, "c": 1.5}}', {"a": "7", "b": "true", "c": "1.5"}),
        (b'{"attributes": {}, "state": "connected"}', {}),
    ],
)
def test_scalars_become_text(body: bytes, expected: dict[str, str]) -> None:
    """The platform's values are strings, whatever was sent."""
    assert read_attributes("application/json", body) == expected


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("text/plain", b'{"attributes": {}}', 415),
        ("application/octet-stream", b"", 415),
        ("application/json", b"", 400),
        ("application/json", b'{"attributes": {"a": "1"}', 400),
        ("application/json", b'[{"attributes": {}}]', 400),
        ("application/json", b"{}", 400),
        ("application/json", b'{"attributes": ["a"]}', 400),
        ("application/json", b'{"attributes": {"a": {"b": "c"}}}', 400),
        ("application/json", b'{"attributes": {"a": ["b"]}}', 400),
        ("application/json", b'{"attributes": {"a": null}}', 400),
        ("application/json", b'{"attributes": {"a": "%s"}}' % (b"x" * 512_000), 413),
    ],
)
def test_a_wrong_body_is_refused(content_type: str, body: bytes, status: int) -> None:
    """What the platform refuses must be refused here, or a test run promises too much."""
    with pytest.raises(Refusal) as caught:
        read_attributes(content_type, body)
    assert caught.value.status == status


@given(st.binary())
def test_any_body_is_attributes_or_a_refusal(body: bytes) -> None:
    """Whatever a client sends, the sandbox must answer."""
    with contextlib.suppress(Refusal):
        attributes = read_attributes("application/json", body)
        assert all(isinstance(value, str) for value in attributes.values())


@pytest.mark.parametrize(
    "options",
    [
        {"port": 70_000},
        {"expires_in_s": -1},
        {"expires_in_s": math.inf},
        {"org_allowed": 0},
        {"org_window_s": 0},
        {"rate_window_s": math.inf},
        {"rate_window_s": 0},
        {"allowed": 0},
        {"revoke_after": 0},
        {"mint_throttle": -1},
        {"log_writes": -1},
        {"client_secret": ""},
        {"ended": 1.1},
        {"ended": math.nan},
        {"analytics_unknown": -0.1},
        {"analytics_max_ids": 0},
        {"analytics_max_ids": 1001},
        {"apply_delay_s": -1},
        {"apply_delay_s": math.inf},
        {"deny_reads": frozenset({"conversations"})},
        {"organization_id": "acme"},
        {"organization_name": ""},
    ],
)
def test_an_option_out_of_range_is_named(options: dict[str, Any]) -> None:
    """The command line shows the sentence, which must name the option."""
    with pytest.raises(ValueError, match=next(iter(options))):
        SandboxOptions(**options)


def test_secrets_stay_out_of_the_repr() -> None:
    """Options end up in logs and tracebacks."""
    options = SandboxOptions(client_secret="hush", accept_token="mum")
    assert "hush" not in repr(options)
    assert "mum" not in repr(options)
