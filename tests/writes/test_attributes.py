"""A patch goes where attributes are stored, or the user has been told otherwise."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from batchpatch.errors import SettingsError
from batchpatch.genesys.routes import refuse_vain
from batchpatch.writes.attributes import ROUTES
from batchpatch.writes.registry import find_route

CID = "0a1b2c3d-0000-4000-8000-000000000001"
PID = "0a1b2c3d-0000-4000-8000-000000000002"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("attributes", f"/api/v2/conversations/{CID}/participants/{PID}/attributes"),
        ("calls", f"/api/v2/conversations/calls/{CID}/participants/{PID}/attributes"),
        ("callbacks", f"/api/v2/conversations/callbacks/{CID}/participants/{PID}/attributes"),
        ("emails", f"/api/v2/conversations/emails/{CID}/participants/{PID}/attributes"),
        ("messages", f"/api/v2/conversations/messages/{CID}/participants/{PID}/attributes"),
        (
            "cobrowsesessions",
            f"/api/v2/conversations/cobrowsesessions/{CID}/participants/{PID}/attributes",
        ),
        ("participant", f"/api/v2/conversations/{CID}/participants/{PID}"),
        ("interactions", f"/api/v2/conversations/interactions/{CID}/participants/{PID}"),
    ],
)
def test_the_named_routes_are_the_contracts(name: str, path: str) -> None:
    """These paths are the SDK's; a slip in one of them is a run of 404s."""
    assert find_route(name).path(CID, PID) == path


def test_only_routes_that_do_not_store_carry_a_warning() -> None:
    """A warning before every run would teach people to skip it."""
    warned = [route.name for route in ROUTES if route.warning]
    assert warned == ["participant", "interactions"]


@pytest.mark.parametrize(
    ("template", "name", "warning"),
    [
        (
            "/api/v2/conversations/{conversationId}/participants/{participantId}/attributes",
            "attributes",
            None,
        ),
        (
            "/api/v2/conversations/{conversation_id}/participants/{participantId}",
            "participant",
            "--route attributes",
        ),
        (
            "/api/v2/interactions/{conversation_id}/participants/{participant_id}",
            "custom",
            "no /interactions/ path",
        ),
        (
            "/api/v2/conversations/interactions/{conversationId}/participants/{participantId}/attributes",
            "custom",
            "no /interactions/ path",
        ),
        (
            "/api/v2/conversations/voice/{conversation_id}/participants/{participant_id}",
            "custom",
            "--route calls",
        ),
        (
            "/api/v2/conversations/chats/{conversationId}/participants/{participantId}/attributes",
            "custom",
            "newest official SDK",
        ),
        ("/gateway/{participant_id}/of/{conversation_id}", "custom", None),
    ],
)
def test_a_template_is_recognised(template: str, name: str, warning: str | None) -> None:
    """Paths copied from threads are allowed, but not without a word."""
    route = find_route(template)
    assert route.name == name
    assert (route.warning is None) is (warning is None)
    assert (warning or "") in (route.warning or "")


def test_the_gaps_of_a_template_may_come_in_either_order() -> None:
    """A swapped pair would patch nothing and answer 404 for ever."""
    path = find_route("/g/{participantId}/of/{conversationId}").path(CID, PID)
    assert path == f"/g/{PID}/of/{CID}"


@pytest.mark.parametrize(
    "text",
    [
        "atributes",
        "",
        "/api/v2/conversations/{conversation_id}",
        "/x/{conversation_id}/{conversation_id}/{participant_id}",
        "/x/{conversation_id}/{conversationId}/{participant_id}",
        "x/{conversation_id}/{participant_id}",
        "https://evil.test/{conversation_id}/{participant_id}",
        "//evil.test/{conversation_id}/{participant_id}",
        "/x/{conversation_id}/{participant_id}?a=1",
        "/x/{conversation_id}/{participant_id}#a",
        "/x/../{conversation_id}/{participant_id}",
        "/x/{conversation_id}/{participant_id}/",
        "/x/{conversation_id}-{participant_id}",
        "/{conversation_id.__class__}/{conversation_id}/{participant_id}",
        "/a b/{conversation_id}/{participant_id}",
        "/a\r\nX: 1/{conversation_id}/{participant_id}",
        "/a%zz/{conversation_id}/{participant_id}",
    ],
)
def test_what_is_no_path_with_both_gaps_is_refused(text: str) -> None:
    """Each of these leaves the host, the path, or a gap open to what a cell holds."""
    with pytest.raises(SettingsError):
        find_route(text)


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_an_id_stays_one_segment(conversation_id: str, participant_id: str) -> None:
    """No id, however it got past validation, reaches another path or adds a query."""
    try:
        path = find_route("attributes").path(conversation_id, participant_id)
    except ValueError:
        assert {conversation_id, participant_id} & {"", ".", ".."}
        return
    segments = path.split("/")
    assert [*segments[:4], segments[5], segments[7:]] == [
        "",
        "api",
        "v2",
        "conversations",
        "participants",
        ["attributes"],
    ]
    assert [unquote(segments[4]), unquote(segments[6])] == [conversation_id, participant_id]
    url = URL(f"https://api.mypurecloud.ie{path}", encoded=True)
    assert (url.host, url.raw_path, url.query_string) == ("api.mypurecloud.ie", path, "")


@pytest.mark.parametrize(
    "text",
    [
        "participant",
        "interactions",
        "/api/v2/conversations/{conversationId}/participants/{participantId}",
        "/api/v2/conversations/voice/{conversation_id}/participants/{participant_id}",
    ],
)
def test_a_route_that_stores_nothing_is_refused(text: str) -> None:
    """A 2xx for nothing looks like a success; who asks to look, or insists, may see for himself."""
    route = find_route(text)
    with pytest.raises(SettingsError, match="--route attributes"):
        refuse_vain(route, verified=False, force=False)
    refuse_vain(route, verified=True, force=False)
    refuse_vain(route, verified=False, force=True)


@pytest.mark.parametrize(
    "text", [*(r.name for r in ROUTES if r.stores), "/x/{conversation_id}/{participant_id}"]
)
def test_a_route_that_may_store_is_nobodys_business(text: str) -> None:
    """A gateway of one's own has any path it likes."""
    refuse_vain(find_route(text), verified=False, force=False)
