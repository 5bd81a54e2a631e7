"""The body of a PATCH: bytes to attributes, or the platform's refusal. Pure."""

from __future__ import annotations

from typing import Any

import orjson

from batchpatch.sandbox.replies import JSON, Refusal

MAX_BODY_BYTES = 512_000
"""The platform's `request.bytes.max`."""


def check_size(body_bytes: int | None) -> None:
    """Refuse a body that is too large; None is a size not announced."""
    if body_bytes is not None and body_bytes > MAX_BODY_BYTES:
        message = f"The request of [{body_bytes}] bytes is over the limit of [{MAX_BODY_BYTES}]."
        raise Refusal(413, message=message)


def read_document(content_type: str, body: bytes) -> dict[str, Any]:
    """Read a JSON object."""
    if content_type != JSON:
        raise Refusal(415)
    check_size(len(body))
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refusal(400, message="The request body is not valid JSON.") from None
    if not isinstance(document, dict):
        raise Refusal(400, message="The request body must be a JSON object.")
    return document


def read_attributes(content_type: str, body: bytes) -> dict[str, str]:
    """Read the `attributes` of a body; numbers and booleans become text."""
    attributes = read_document(content_type, body).get("attributes")
    if not isinstance(attributes, dict):
        raise Refusal(400, message="The request body must have attributes, an object of strings.")
    for name, value in attributes.items():
        if type(value) is not str:
            attributes[name] = _as_text(name, value)
    return attributes


def _as_text(name: str, value: object) -> str:
    if not isinstance(value, bool | int | float):
        raise Refusal(400, message=f"The value of attribute [{name}] must be a string.")
    return orjson.dumps(value).decode()
