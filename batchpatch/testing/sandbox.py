"""A sandbox for tests: what it has stored, what it has counted, and how to make it fail."""

from __future__ import annotations

import json
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from batchpatch.service.sandbox_process import own_sandbox, sandbox_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.genesys.account.credentials import Account

# Not by a proxy of the environment: it is on this machine.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Sandbox(NamedTuple):
    """A local Genesys Cloud at work. What it is asked here costs nothing of any quota."""

    url: str
    """Base of the API and of the token endpoint, as for `Patcher(api_url=...)`."""

    @property
    def account(self) -> Account:
        """Credentials that it takes: `Patcher(account=...)`."""
        return sandbox_at(self.url)

    @property
    def environment(self) -> dict[str, str]:
        """The same for a process of its own, beside `--api-url` or `api_url=`."""
        return {
            "GENESYSCLOUD_OAUTHCLIENT_ID": "sandbox",
            "GENESYSCLOUD_OAUTHCLIENT_SECRET": "sandbox",  # nobody's secret
        }

    @property
    def tokens_minted(self) -> int:
        """Tokens minted so far."""
        return int(self.stats()["mints"])

    def stats(self) -> dict[str, Any]:
        """Its own counts: `patches`, `reads`, `mints`, `revoked`, `refused_by_token`, ..."""
        counted: dict[str, Any] = json.loads(self._ask("stats"))
        return counted

    def participants(self) -> list[dict[str, Any]]:
        """All participants that hold something, as it has them."""
        return [json.loads(line) for line in self._ask("state").splitlines()]

    def stored(self, conversation_id: str, participant_id: str) -> dict[str, str]:
        """The attributes of one participant; empty where there are none."""
        who = (conversation_id.lower(), participant_id.lower())
        for one in self.participants():
            if (one["conversationId"], one["participantId"]) == who:
                return dict(one["attributes"])
        return {}

    def writes(self) -> list[dict[str, Any]]:
        """The requests that write, in the order of their arrival."""
        return [json.loads(line) for line in self._ask("writes").splitlines()]

    def know(self, conversation_id: str, participant_id: str, **told: Any) -> None:
        """From now on this participant is there.

        Args:
            conversation_id: UUID.
            participant_id: UUID.
            told: `purpose="customer"`, `attributes={...}`, `userId=`, `ended=True` and the like.
        """
        ids = {"conversationId": conversation_id, "participantId": participant_id}
        self._ask("conversations", json.dumps(ids | told).encode())

    @contextmanager
    def failing(self, *faults: str) -> Iterator[None]:
        """Within, it fails as `sandbox --fault` says: `with failing("status=503,rate=0.5")`."""
        self.set_faults(*faults)
        try:
            yield
        finally:
            self.set_faults()

    def set_faults(self, *faults: str) -> None:
        """From now on these go wrong, and no others."""
        self._ask("faults", json.dumps(faults).encode())

    def reset(self) -> None:
        """Forget conversations, writes and counts; tokens stay good."""
        self._ask("reset", b"")

    def _ask(self, what: str, body: bytes | None = None) -> bytes:
        with _direct.open(f"{self.url}/sandbox/{what}", body) as reply:
            answer: bytes = reply.read()
        return answer


@contextmanager
def open_sandbox(*options: str) -> Iterator[Sandbox]:
    """A sandbox in a process of its own, for as long as the block lasts.

    Args:
        options: of `batchpatch sandbox`, such as `"--allowed", "300"`.

    Raises:
        OutageError: it did not start, as with options that it does not know.
    """
    with own_sandbox(list(options)) as url:
        yield Sandbox(url)
