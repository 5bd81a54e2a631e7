"""What ends a run: the sentence for each trouble that no retry mends. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from batchpatch.errors import OutageError, SettingsError

if TYPE_CHECKING:
    from batchpatch.genesys.replies import NoReply, Reply
    from batchpatch.options.send import RetryPolicy


def tls_error(host: str) -> SettingsError:
    """Return the error for a certificate that cannot be verified."""
    return SettingsError(
        f"The certificate of {host} cannot be verified: where a proxy inspects TLS, pass its root"
        " certificate as --ca-file, else check the region."
    )


def page_error(host: str, page: NoReply) -> OutageError:
    """Return the error for a page that answers in the platform's place."""
    return OutageError(
        f"{host}: {page.message}: sign in at the proxy or portal in between, or check the region,"
        " --api-url and the proxy, then go on."
    )


def silence_error(host: str, lasted_s: float) -> OutageError:
    """Return the error for a platform that has answered nothing for so long."""
    return OutageError(
        f"{host} has answered nothing for {lasted_s:.0f} s: check the network and the platform's"
        " status, then resume."
    )


def refusals_error(host: str, lasted_s: float) -> OutageError:
    """Return the error for a platform that has answered nothing but 429s for so long."""
    return OutageError(
        f"{host} has refused every request for {lasted_s:.0f} s (429): wait until its limit admits"
        " requests again, then resume."
    )


def long_refusal_error(
    host: str, reply: Reply, policy: RetryPolicy, *, now_s: float
) -> OutageError:
    """Return the error for a 429 that lasts longer than is waited for, such as a daily limit's.

    Args:
        host: that has answered.
        reply: the 429, with the time that it names.
        policy: how long is waited for.
        now_s: seconds since the epoch.
    """
    until = datetime.fromtimestamp(now_s + (reply.retry_after_s or 0.0), UTC)
    limit = f", limit {reply.limit}" if reply.limit else ""
    return OutageError(
        f"{host} admits no request until {until:%Y-%m-%d %H:%M:%S} UTC (429{limit}), and more"
        f" tokens are no way around it: resume then, or wait longer with --max-wait (now"
        f" {policy.max_wait_s:.0f} s)."
    )
