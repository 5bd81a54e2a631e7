"""What an HTTP client is told: who may come in, and what is wrong, as one sentence in JSON."""

from __future__ import annotations

import hmac
import ipaddress
import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from batchpatch.errors import BatchpatchError
from batchpatch.service.http_lines import TOO_LONG, UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from batchpatch.service.metrics import Exposition

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_log = logging.getLogger(__name__)
_WORDS = {
    404: "There is nothing here: POST /patch, GET /healthz and GET /metrics are what there is.",
    405: "That method is not for this path: POST /patch, GET /healthz, GET /metrics.",
    413: TOO_LONG,
}


class Guard:
    """Who may come in. Without a secret, whoever is on this machine and is no web page."""

    def __init__(self, secret: bytes | None) -> None:
        """`secret` is what callers have to bear; None asks for none."""
        self._secret = secret

    def is_admitted(self, request: web.Request) -> bool:
        """True for a caller who bears the secret, or need not."""
        if self._secret is None:
            return _is_local(request)
        scheme, _, borne = request.headers.get("Authorization", "").partition(" ")
        borne_bytes = borne.strip().encode("utf-8", "surrogateescape")
        return scheme.lower() == "bearer" and hmac.compare_digest(borne_bytes, self._secret)

    def admit(self, request: web.Request) -> None:
        """Raise what refuses a caller who may not come in."""
        if self.is_admitted(request):
            return
        if self._secret is None:
            raise refuse(
                web.HTTPForbidden,
                "This service answers programs on this machine, under a name of this machine.",
            )
        raise refuse(
            web.HTTPUnauthorized,
            "Send the secret of this service: Authorization: Bearer ...",
            {"WWW-Authenticate": "Bearer"},
        )

    @web.middleware
    async def answer_in_json(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Whatever goes wrong is a sentence, and no traceback."""
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.content_type == "application/json":
                raise
            words = _WORDS.get(error.status, error.reason)
            return _answer(words, error.status, _kept(error.headers))
        except BatchpatchError as error:
            return _answer(str(error), 503)
        except web.RequestPayloadError:
            return _answer(UNREADABLE, 400)
        except ConnectionError:  # nobody is there to be answered
            raise
        except Exception as error:  # noqa: BLE001 - what a fault of ours tells is nobody's business
            # Only the name: the text may be anybody's, and hold anything.
            _log.warning("a request could not be answered (%s)", error.__class__.__name__)
            _log.debug("where that came from", exc_info=error)
            return _answer("Something went wrong in the service; see its log.", 500)


def _is_local(request: web.Request) -> bool:
    """A page that a browser has loaded can reach this machine, under a name of its own."""
    if "Origin" in request.headers:
        return False
    try:
        host = urlsplit(f"//{request.host}").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in ("Allow",) if name in headers}


def problem(sentence: str) -> bytes:
    """What is wrong, as JSON."""
    return orjson.dumps({"error": sentence.encode("utf-8", "backslashreplace").decode()})


def _answer(sentence: str, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    body = problem(sentence) + b"\n"
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def answer_scrape(exposition: Exposition, request: web.Request) -> web.Response:
    """The metrics, in the form that is asked for."""
    body, content_type = exposition.text(request.headers.get("Accept", ""))
    return web.Response(body=body, headers={"Content-Type": content_type})


def refuse(
    kind: type[web.HTTPException], sentence: str, headers: Mapping[str, str] | None = None
) -> web.HTTPException:
    """What to raise to answer so."""
    body = problem(sentence) + b"\n"
    return kind(body=body, content_type="application/json", headers=headers)
