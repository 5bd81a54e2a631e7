"""What the official SDK reads of some participants' wrap-up: a program; ids come as JSON lines."""

from __future__ import annotations

import json
import sys

import PureCloudPlatformClientV2 as sdk  # noqa: N813 - its own examples shorten it


def main() -> None:
    """Read each pair of ids, print code and notes."""
    sdk.configuration.host = sys.argv[1]
    client = sdk.api_client.ApiClient()
    client.get_client_credentials_token("an-id", "a-secret")
    api = sdk.ConversationsApi(client)
    for line in sys.stdin:
        found = api.get_conversation_participant_wrapup(*json.loads(line))
        print(json.dumps([found.code or "", found.notes or ""]))


main()
