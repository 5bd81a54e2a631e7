"""The permissions that reading asks for, which a token may lack. Pure."""

from __future__ import annotations

READ_PERMISSIONS = {
    "conversation": "conversation:communication:view",
    "analytics": "analytics:conversationDetail:view",
}
"""What can be read, and the permission that it takes. The writes take none."""


def parse_deny_reads(text: str) -> frozenset[str]:
    """Read `conversation,analytics`, or one of them. Raises ValueError, one sentence."""
    reads = frozenset(part.strip() for part in text.split(","))
    check_deny_reads(reads)
    return reads


def check_deny_reads(reads: frozenset[str]) -> None:
    """Raise ValueError, one sentence, for a read that there is not."""
    for read in sorted(reads - READ_PERMISSIONS.keys()):
        raise ValueError(f"deny_reads must be of {', '.join(READ_PERMISSIONS)}, not {read!r}.")
