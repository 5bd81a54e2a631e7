"""What aiohttp's exceptions mean for an attempt, in words of our own.

Theirs may quote a proxy's password or a token.
"""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

import aiohttp

from batchpatch.errors import why_refused
from batchpatch.genesys.replies import NoReply


def explain(error: Exception, url: str) -> NoReply:
    """Map an exception of aiohttp's. Only what is listed here as unsent is known to be."""
    host = urlsplit(url).netloc
    proxy = f"the proxy for {host}"
    if getattr(error, "host", None) not in (None, urlsplit(url).hostname):
        host = proxy  # whom aiohttp has met instead
    match error:
        case aiohttp.ConnectionTimeoutError():
            return NoReply("timeout", f"no connection to {host} in time", sent=False)
        case TimeoutError():
            return NoReply("timeout", f"no answer from {host} in time", sent=True)
        case aiohttp.ClientConnectorCertificateError():
            return NoReply("tls", f"the certificate of {host} cannot be verified", sent=False)
        case aiohttp.ClientProxyConnectionError():
            reason = f"cannot connect to {proxy}: {_reason(error)}"
            return NoReply("connection", reason, sent=False)
        case aiohttp.ClientHttpProxyError():
            reason = f"{proxy} answers with status {error.status}"
            return NoReply("connection", reason, sent=False)
        case aiohttp.ClientConnectorDNSError():
            return NoReply("connection", f"the name of {host} cannot be resolved", sent=False)
        case aiohttp.ClientConnectorError():
            reason = f"cannot connect to {host}: {_reason(error)}"
            return NoReply("connection", reason, sent=False)
        case aiohttp.ClientResponseError():
            return NoReply("connection", f"{host} does not answer in HTTP", sent=True)
        case _:
            return NoReply("connection", f"the connection to {host} broke", sent=True)


def _reason(error: aiohttp.ClientConnectorError) -> str:
    inner = error.os_error
    if isinstance(inner, ssl.SSLError):
        # An SSLError that did not come from OpenSSL has no reason at all.
        return f"TLS failed ({getattr(inner, 'reason', None) or 'no reason given'})"
    return why_refused(inner)
