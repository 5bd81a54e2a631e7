"""Chance that repeats: what a text meets with follows from the text. Pure."""

from __future__ import annotations

from hashlib import blake2b


def share_of(text: str) -> float:
    """Spread texts evenly over 0 <= share < 1."""
    # 53 bits, because a float holds no more and 1.0 must stay out of reach.
    return (int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 11) / 2**53
