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
    try:
        api.get_conversation("not-an-id")
    except sdk.rest.ApiException as error:
        print(json.dumps({"participants": shown, "refused": json.loads(error.body)["code"]}))


main()
