"""The checks of a doctor that no sandbox brings about."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from batchpatch.commands.doctor_checks import Checkup, check_clock, check_token
from batchpatch.commands.doctor_settings import check_certificates
from batchpatch.errors import AccessError
from batchpatch.genesys.account.credentials import find_account
from batchpatch.genesys.exchanges import Exchange

if TYPE_CHECKING:
    from pathlib import Path

NOW_S = 1_790_000_000.0
ACCOUNT = find_account({"GENESYSCLOUD_ACCESS_TOKEN": "t"}, region="eu-west-1")


def exchange(date: str | None, *, took_s: float = 0.0) -> Exchange:
    """An answer that came at `NOW_S`."""
    return Exchange("GET", "api", 200, took_s, date, NOW_S)


@pytest.mark.parametrize(
    ("ahead_s", "state", "said"),
    [
        (0.5, "ok", "right, to a second"),
        (20.5, "ok", "20 s ahead of"),
        (300.5, "problem", "300 s ahead of"),
        (-7200.5, "problem", "7,200 s behind"),
    ],
)
def test_a_wrong_clock_is_told(ahead_s: float, state: str, said: str) -> None:
    """Certificates and dates to wait for depend on it, and nothing else would say it."""
    date = formatdate(NOW_S - ahead_s, usegmt=True)
    found = check_clock(Checkup(ACCOUNT, [exchange(date)]))
    assert (found.state, said in found.text) == (state, True), found


def test_certificates_are_told_with_who_has_named_them(tmp_path: Path) -> None:
    """A variable that was left set is no file of the system's; and OpenSSL trusts nobody, without
    a word, where the file is gone."""
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    found = check_certificates(ACCOUNT, None, {"SSL_CERT_FILE": str(bundle)})
    assert (found.state, found.text) == ("ok", f"{bundle} of SSL_CERT_FILE")
    bundle.unlink()
    found = check_certificates(ACCOUNT, None, {"SSL_CERT_FILE": str(bundle)})
    assert (found.state, found.text) == (
        "problem",
        f"SSL_CERT_FILE names {bundle}, which is not there",
    )
    assert check_certificates(ACCOUNT, None, {}).text.startswith("the system's own (")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("env", "mend"),
    [
        ({"GENESYSCLOUD_ACCESS_TOKEN": "t"}, "Get a new access token"),
        (
            {"GENESYSCLOUD_OAUTHCLIENT_ID": "i", "GENESYSCLOUD_OAUTHCLIENT_SECRET": "s"},
            "see that the client is active",
        ),
    ],
)
async def test_a_token_that_is_refused_is_mended_where_it_comes_from(
    env: dict[str, str], mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has pasted a token has no id and secret to copy whole."""

    async def refuse(*_: object) -> None:
        raise AccessError("It is rejected.")

    monkeypatch.setattr("batchpatch.commands.doctor_checks.ask", refuse)
    checkup = Checkup(find_account(env, region="eu-west-1"))
    checkup.client = object()  # type: ignore[assignment]
    found = await check_token(checkup)
    assert (found.state, mend in found.mend) == ("problem", True), found


@pytest.mark.parametrize("date", [None, "", "soon", "Mon, 99 Foo 2026 00:00:00 GMT"])
def test_without_a_date_nothing_is_said_of_the_clock(date: str | None) -> None:
    """A gateway may leave the header out, or write what it likes."""
    assert check_clock(Checkup(ACCOUNT, [exchange(date)])).state == "untested"


def test_the_way_of_the_answer_is_taken_off() -> None:
    """A slow answer is no wrong clock: the server's time is that of its middle."""
    date = formatdate(NOW_S - 20, usegmt=True)
    assert exchange(date, took_s=39.0).ahead_s == pytest.approx(0.0)
