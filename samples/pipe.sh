#!/usr/bin/env bash
# Events in, patches out, and a line for each that did not make it, as soon as that is known.
#
#   samples/pipe.sh --sandbox < samples/events.jsonl
#   tail -f events.jsonl | samples/pipe.sh
#
# Exit code: that of batchpatch.
set -euo pipefail

jq --unbuffered --compact-output \
  '{id: .event, conversationId: .call, purpose: "customer", attributes: {tier}}' |
  batchpatch run - --format jsonl --results - "$@" |
  jq --unbuffered --raw-output \
    'select(.outcome != "updated") | "\(.id) \(.outcome): \(.message)"'
