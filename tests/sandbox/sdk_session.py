"""What a user of the official SDK does, run as a program: arguments are URL, ids, attributes."""

from __future__ import annotations

import json
import sys

import PureCloudPlatformClientV2 as sdk  # noqa: N813 - its own examples shorten it


def main() -> None:
    what, url, *arguments = sys.argv[1:]
    sdk.configuration.host = url
    client = sdk.api_client.ApiClient()
    client.get_client_credentials_token("an-id", "a-secret")
    document = {"attributes": attributes_session, "wrapup": wrapup_session}[what](
        client, *arguments
    )
    print(json.dumps(document))


def attributes_session(
    client: sdk.api_client.ApiClient, conversation_id: str, participant_id: str, attributes: str
) -> dict[str, object]:
    """Patch attributes and read back by both ways of reading."""
    api = sdk.ConversationsApi(client)
    body = sdk.ParticipantAttributes()
    body.attributes = json.loads(attributes)
    api.patch_conversation_participant_attributes(conversation_id, participant_id, body)
    conversation = api.get_conversation(conversation_id)
    shown = {p.id: [p.purpose, p.attributes] for p in conversation.participants}
    whom = {p.id: [p.external_contact_id, p.ani, p.user_id] for p in conversation.participants}
    found = sdk.AnalyticsApi(client).get_analytics_conversations_details(
        id=[conversation_id, participant_id]
    )
    try:
        api.get_conversation("not-an-id")
    except sdk.rest.ApiException as error:
        refused = json.loads(error.body)["code"]
    return {
        "participants": shown,
        "whom": whom,
        "ended": conversation.end_time is not None,
        "details": {c.conversation_id: details_of(c) for c in found.conversations},
        "refused": refused,
    }


def wrapup_session(
    client: sdk.api_client.ApiClient, conversation_id: str, participant_id: str
) -> dict[str, object]:
    """List codes, set one by each of the two ways, and read both back; then give the token back."""
    api, routing = sdk.ConversationsApi(client), sdk.RoutingApi(client)
    known, number = {}, 1
    while True:
        page = routing.get_routing_wrapupcodes(page_size=100, page_number=number)
        known |= {code.name: code.id for code in page.entities}
        if number >= page.page_count:
            break
        number += 1
    (agent,) = (p for p in api.get_conversation(conversation_id).participants if p.wrapup is None)
    of_queue = routing.get_routing_queue_wrapupcodes(agent.queue_id, page_size=100).entities
    allowed = api.get_conversation_participant_wrapupcodes(conversation_id, participant_id)
    before = api.get_conversation_participant_wrapup(conversation_id, participant_id)

    request = sdk.MediaParticipantRequest()
    request.wrapup = sdk.Wrapup()
    request.wrapup.code, request.wrapup.notes = known["Sale"], "Größe"
    api.patch_conversation_participant(conversation_id, participant_id, request)
    first = api.get_conversation_participant_wrapup(conversation_id, participant_id)

    wrapup = sdk.WrapupInput()
    wrapup.code, wrapup.tags, wrapup.duration_seconds = known["No answer"], ["a", "b"], 12
    api.post_conversations_call_participant_communication_wrapup(
        conversation_id, participant_id, agent.calls[0].id, body=wrapup
    )
    second = api.get_conversation_participant_wrapup(conversation_id, participant_id)
    found = routing.get_routing_wrapupcodes(name="no answer").entities
    sdk.TokensApi(client).delete_tokens_me()
    return {
        "codes": len(known),
        "allowed": sorted(code.id for code in allowed) == sorted(code.id for code in of_queue),
        "before": before.code,
        "first": [first.code, first.notes, first.end_time is not None],
        "second": [second.code, second.tags, second.duration_seconds],
        "found": [code.name for code in found],
    }


def details_of(conversation: sdk.AnalyticsConversationWithoutAttributes) -> list[list[object]]:
    """Who is in a conversation, as analytics has it; the times must have been read as times."""
    assert conversation.conversation_start < conversation.conversation_end
    return [
        [p.participant_id, p.external_contact_id, p.user_id, p.sessions[0].media_type]
        for p in conversation.participants
    ]


main()
