"""What a user of the official SDK does, run as a program: arguments are URL, ids, attributes."""

from __future__ import annotations

import json
import sys

import PureCloudPlatformClientV2 as sdk  # noqa: N813 - its own examples shorten it


def main() -> None:
    url, conversation_id, participant_id, attributes = sys.argv[1:]
    sdk.configuration.host = url
    client = sdk.api_client.ApiClient()
    client.get_client_credentials_token("an-id", "a-secret")
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
    document = {
        "participants": shown,
        "whom": whom,
        "ended": conversation.end_time is not None,
        "details": {c.conversation_id: details_of(c) for c in found.conversations},
        "refused": refused,
    }
    print(json.dumps(document))


def details_of(conversation: sdk.AnalyticsConversationWithoutAttributes) -> list[list[object]]:
    """Who is in a conversation, as analytics has it; the times must have been read as times."""
    assert conversation.conversation_start < conversation.conversation_end
    return [
        [p.participant_id, p.external_contact_id, p.user_id, p.sessions[0].media_type]
        for p in conversation.participants
    ]


main()
