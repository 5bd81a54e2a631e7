"""One attempt: what goes over the wire, and what is made of what comes back."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from yarl import URL

from batchpatch.errors import SettingsError
from batchpatch.genesys.account.credentials import AccessToken, Account, Secret
from batchpatch.genesys.account.regions import find_hosts
from batchpatch.genesys.connect import open_client
from batchpatch.genesys.http import Transport
from batchpatch.genesys.replies import NoReply, Reply
from batchpatch.genesys.retry import OutcomeKind
from batchpatch.options.run import DEFAULT_CONNECT, ConnectOptions, PaceOptions

if TYPE_CHECKING:
    from pathlib import Path

API = "https://api.mypurecloud.ie"
HOSTS = find_hosts("eu-west-1")
URL_OF_PATCH = f"{API}/api/v2/conversations/c/participants/p/attributes"
ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
KEY = ConnectionKey("api.mypurecloud.ie", 443, True, True, None, None, None)
PROXY_KEY = KEY._replace(host="p")

Respond = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def patch(transport: Transport, url: str = URL_OF_PATCH, **options: Any) -> Reply | NoReply:
    """Send a small PATCH with a token."""
    headers = transport.headers(authorization="Bearer hush", content_type="application/json")
    return await transport.send("PATCH", url, headers, b'{"attributes":{"a":"1"}}', **options)


@asynccontextmanager
async def raw_server(respond: Respond) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve each request by hand; yields the base URL and the requests' bytes."""
    requests: list[bytes] = []
    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = 24 if b"Content-Length: 24" in head else 0
                requests.append(head + await reader.readexactly(length))
                await respond(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", requests
    for task in filter(None, serving):  # a client may have kept its connection
        task.cancel()
    await asyncio.gather(*filter(None, serving), return_exceptions=True)


@asynccontextmanager
async def served(
    respond: Respond, options: ConnectOptions = DEFAULT_CONNECT
) -> AsyncIterator[tuple[Transport, str, list[bytes]]]:
    """Open a transport to such a server."""
    async with raw_server(respond) as (base, requests):
        hosts = find_hosts(None, api_url=base)
        async with Transport(hosts, options, version="1.2") as transport:
            yield transport, base, requests


def saying(*pieces: bytes, close: bool = False) -> Respond:
    """Respond with these bytes."""

    async def respond(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if close:
            writer.close()

    return respond


@pytest.mark.asyncio
async def test_an_accepted_patch(http: Any) -> None:
    """The answer to nearly every request."""
    http.patch(URL_OF_PATCH, status=202, headers={"ININ-Correlation-Id": "abc"})
    async with Transport(HOSTS) as transport:
        assert await patch(transport) == Reply(202, correlation_id="abc")


@pytest.mark.asyncio
async def test_a_refusal_is_read_to_its_words(http: Any) -> None:
    """The envelope of the platform, as it comes."""
    http.patch(URL_OF_PATCH, status=404, payload={"code": "not.found", "message": "No such thing"})
    async with Transport(HOSTS) as transport:
        reply = await patch(transport)
    assert isinstance(reply, Reply)
    assert (reply.status, reply.code, reply.message) == (404, "not.found", "No such thing")
    assert reply.whole


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [200, 401, 403, 404])
async def test_a_page_is_no_answer(status: int, http: Any) -> None:
    """Whoever stands in between must not be taken for the platform, whatever the status."""
    http.patch(URL_OF_PATCH, status=status, body="<html><title>Sign in</title></html>")
    async with Transport(HOSTS) as transport:
        failure = await patch(transport)
    assert isinstance(failure, NoReply)
    assert (failure.kind, failure.title) == ("page", "Sign in")


@pytest.mark.asyncio
async def test_a_redirect_is_not_followed_and_no_answer(http: Any) -> None:
    """Following it would hand the token to whoever is named there; who that is, is said."""
    http.patch(URL_OF_PATCH, status=307, headers={"Location": "https://evil.test/?ticket=hush"})
    async with Transport(HOSTS) as transport:
        failure = await patch(transport)
    assert isinstance(failure, NoReply)
    assert failure.kind == "page"
    assert failure.message == (
        "a redirect answered with status 307, not the platform (to evil.test)"
    )
    assert len(http.requests) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("error", "kind", "sent", "words"),
    [
        (aiohttp.ConnectionTimeoutError(), "timeout", False, "no connection to"),
        (aiohttp.SocketTimeoutError(), "timeout", True, "no answer from"),
        (TimeoutError(), "timeout", True, "no answer from"),
        (
            aiohttp.ClientConnectorCertificateError(KEY, ssl.SSLCertVerificationError("x")),
            "tls",
            False,
            "certificate",
        ),
        (
            aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "x")),
            "connection",
            False,
            "TLS failed",
        ),
        (
            aiohttp.ClientConnectorDNSError(KEY, OSError(None, "x")),
            "connection",
            False,
            "the name of api.mypurecloud.ie cannot be resolved",
        ),
        (
            aiohttp.ClientConnectorDNSError(PROXY_KEY, OSError(None, "x")),
            "connection",
            False,
            "the name of the proxy for api.mypurecloud.ie cannot be resolved",
        ),
        (
            aiohttp.ClientConnectorError(KEY, ConnectionRefusedError(111, "refused")),
            "connection",
            False,
            "refused",
        ),
        (
            aiohttp.ClientProxyConnectionError(PROXY_KEY, ConnectionRefusedError(111, "refused")),
            "connection",
            False,
            "cannot connect to the proxy for api.mypurecloud.ie: Connection refused",
        ),
        (aiohttp.ServerDisconnectedError(), "connection", True, "broke"),
        (aiohttp.ClientOSError(104, "reset"), "connection", True, "broke"),
        (aiohttp.ClientPayloadError(), "connection", True, "broke"),
        (ConnectionResetError(), "connection", True, "broke"),
    ],
)
async def test_trouble_is_a_value(
    error: Exception, kind: str, sent: bool, words: str, http: Any
) -> None:
    """Whether bytes went out decides between "not sent" and "unknown"."""
    http.patch(URL_OF_PATCH, exception=error)
    async with Transport(HOSTS) as transport:
        failure = await patch(transport)
    assert isinstance(failure, NoReply)
    assert (failure.kind, failure.sent) == (kind, sent)
    assert words in failure.message
    assert "api.mypurecloud.ie" in failure.message


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/x",
        "https://api.mypurecloud.ie.evil.test/x",
        "https://api.mypurecloud.ie@evil.test/x",
        "https://api.mypurecloud.ie:1/x",
        "http://api.mypurecloud.ie/x",
        "https://api.mypurecloud.ie",
    ],
)
async def test_a_token_goes_to_the_accounts_hosts_only(url: str, http: Any) -> None:
    """Whatever asks for it: this is the last door."""
    async with Transport(HOSTS) as transport:
        with pytest.raises(ValueError, match="not the account's"):
            await patch(transport, url)
    assert not http.requests


def test_headers_do_not_show_the_token() -> None:
    """They are a local variable of every request's frames."""
    headers = Transport(HOSTS).headers(authorization="Bearer hush", content_type="x")
    assert headers["authorization"] == "Bearer hush"
    assert "hush" not in f"{headers} {headers!r}"


@pytest.mark.asyncio
async def test_what_goes_over_the_wire() -> None:
    """Byte for byte: an encoded id stays so, and nothing is told that need not be."""
    async with served(saying(ACCEPTED)) as (transport, base, requests):
        assert await patch(transport, f"{base}/g/a%2Fb/%2E%2E/c") == Reply(202)
        assert await patch(transport, f"{base}/g/x?id=a,b%20c") == Reply(202)
    host = base.removeprefix("http://")
    assert requests[0].decode().split("\r\n") == [
        "PATCH /g/a%2Fb/%2E%2E/c HTTP/1.1",
        f"Host: {host}",
        "Accept: application/json",
        "Accept-Encoding: gzip, deflate",
        "User-Agent: batchpatch/1.2",
        "Authorization: Bearer hush",
        "Content-Type: application/json",
        "Content-Length: 24",
        "",
        '{"attributes":{"a":"1"}}',
    ]
    assert requests[1].startswith(b"PATCH /g/x?id=a,b%20c HTTP/1.1\r\n")


@pytest.mark.asyncio
async def test_no_cookie_is_kept() -> None:
    """One worker's cookie would tie the whole pool to one node of the platform."""
    answer = b"HTTP/1.1 202 Accepted\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    async with raw_server(saying(answer)) as (base, requests):
        # By name, because aiohttp's own jar takes no cookie from a bare address.
        named = base.replace("127.0.0.1", "localhost")
        async with Transport(find_hosts(None, api_url=named)) as transport:
            await patch(transport, f"{named}/1")
            await patch(transport, f"{named}/2")
    assert len(requests) == 2
    assert not [request for request in requests if b"Cookie" in request]


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [202, 503])
async def test_a_status_stands_although_the_body_breaks(status: int) -> None:
    """The platform has decided; to call it unanswered would be to send it again for nothing."""
    head = b"HTTP/1.1 %d X\r\nContent-Length: 10\r\n\r\nabc" % status
    async with served(saying(head, close=True)) as (transport, base, _):
        reply = await patch(transport, f"{base}/1")
    assert isinstance(reply, Reply)
    assert (reply.status, reply.body, reply.whole) == (status, b"abc", False)


@pytest.mark.asyncio
async def test_a_body_is_read_up_to_its_limit() -> None:
    """An endless error page must not fill the memory, nor hold the connection."""
    head = b"HTTP/1.1 500 X\r\nContent-Length: 1000000\r\n\r\n"
    async with served(saying(head, b"x" * 1_000_000)) as (transport, base, _):
        reply = await patch(transport, f"{base}/1", body_limit_bytes=1000)
        assert isinstance(reply, Reply)
        assert (len(reply.body), reply.whole) == (1000, False)
        whole = await patch(transport, f"{base}/1")
    assert isinstance(whole, Reply)
    assert (len(whole.body), whole.whole) == (1_000_000, True)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b"HTTP/1.1 202 Acc"],
        [b"not http at all\r\n\r\n"],
        [b"HTTP/1.1 999999 X\r\n\r\n"],
        [b"\xff" * 100_000],
    ],
)
async def test_an_answer_that_is_none(pieces: list[bytes]) -> None:
    """A reset, half a status line, another protocol: the request went out, so it may count."""
    async with served(saying(*pieces, close=True)) as (transport, base, _):
        failure = await patch(transport, f"{base}/1")
    assert isinstance(failure, NoReply)
    assert (failure.kind, failure.sent) == ("connection", True)


@pytest.mark.asyncio
async def test_an_upgrade_is_a_refusal() -> None:
    """A connection that speaks something else from now on must not go back to the pool."""
    answer = b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"
    async with served(saying(answer)) as (transport, base, _):
        reply = await patch(transport, f"{base}/1")
        assert isinstance(reply, Reply)
        assert reply.status == 101
        assert transport._session is not None
        assert not transport._session.connector._acquired


@pytest.mark.asyncio
async def test_a_connection_is_used_again() -> None:
    """Half the time of a request would be its handshake."""
    served_ports = set()

    async def respond(writer: asyncio.StreamWriter) -> None:
        served_ports.add(writer.get_extra_info("peername")[1])
        writer.write(ACCEPTED)

    async with served(respond) as (transport, base, requests):
        for n in range(5):
            await patch(transport, f"{base}/{n}")
    assert (len(requests), len(served_ports)) == (5, 1)


@pytest.mark.asyncio
async def test_silence_is_a_timeout() -> None:
    """A server that takes the request and says nothing; the shortest of the three timeouts."""
    for options in (ConnectOptions(read_s=0.02), ConnectOptions(total_s=0.02)):
        async with served(saying(), options) as (transport, base, _):
            failure = await patch(transport, f"{base}/1")
        assert isinstance(failure, NoReply)
        assert (failure.kind, failure.sent) == ("timeout", True)


@pytest.mark.asyncio
async def test_a_body_that_does_not_end_in_time_is_half_an_answer() -> None:
    """What an attempt may take in all counts the body too; the status was heard, and stands."""
    head = b"HTTP/1.1 202 X\r\nContent-Length: 10\r\n\r\n{"
    async with served(saying(head), ConnectOptions(total_s=0.02)) as (transport, base, _):
        reply = await patch(transport, f"{base}/1")
    assert isinstance(reply, Reply)
    assert (reply.status, reply.body, reply.whole) == (202, b"{", False)


@pytest.mark.asyncio
@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 202 X\r\n"])
@pytest.mark.parametrize("kept", [False, True])
async def test_a_head_without_end_is_broken_off(before: bytes, kept: bool) -> None:
    """Hundreds of megabytes of `100 Continue` were read in the minute that a request may last.

    Likewise the headers of an answer, on a new connection or on one that has answered before.
    """
    sent_bytes = 0
    piece = (b"X-Y: z\r\n" if before else b"HTTP/1.1 100 Continue\r\n\r\n") * 1000

    async def respond(writer: asyncio.StreamWriter) -> None:
        nonlocal sent_bytes
        if kept and not sent_bytes:
            sent_bytes = 1
            writer.write(ACCEPTED)
            return
        writer.write(before)
        while not writer.is_closing():
            writer.write(piece)
            sent_bytes += len(piece)
            await writer.drain()

    async with served(respond, ConnectOptions(total_s=20)) as (transport, base, requests):
        if kept:
            assert isinstance(await patch(transport, f"{base}/0"), Reply)
        failure = await patch(transport, f"{base}/1")
    assert isinstance(failure, NoReply)
    assert (failure.kind, failure.sent, len(requests)) == ("connection", True, 1 + kept)
    assert "does not answer in HTTP" in failure.message
    assert sent_bytes < 20_000_000  # a few buffers of both systems


@pytest.mark.asyncio
async def test_what_may_come_ahead_of_an_answer_is_no_trouble() -> None:
    """A hundred times `100 Continue`, and a body that is longer than any head."""
    body = b'"' + b"x" * 600_000 + b'"'
    head = b"HTTP/1.1 400 X\r\nContent-Length: %d\r\n\r\n" % len(body)
    answer = b"HTTP/1.1 100 Continue\r\n\r\n" * 100 + head + body
    async with served(saying(answer)) as (transport, base, _):
        for _ in range(2):
            reply = await patch(transport, f"{base}/1")
            assert isinstance(reply, Reply)
            assert (reply.status, len(reply.body)) == (400, len(body))


@pytest.mark.asyncio
@pytest.mark.parametrize("piece", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hi\r\n\r\n"])
async def test_an_answer_that_never_comes_takes_no_longer_than_the_timeout(piece: bytes) -> None:
    """Few bytes, again and again: they are no sign that it will."""

    async def respond(writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    began_s = asyncio.get_running_loop().time()
    async with served(respond, ConnectOptions(total_s=0.2)) as (transport, base, _):
        failure = await patch(transport, f"{base}/1")
    assert isinstance(failure, NoReply)
    assert failure.kind == "timeout"
    assert asyncio.get_running_loop().time() - began_s < 5


@pytest.mark.asyncio
async def test_nobody_listening_means_nothing_sent() -> None:
    """The port of a server that has gone."""
    async with raw_server(saying()) as (base, _):
        pass
    async with Transport(find_hosts(None, api_url=base)) as transport:
        failure = await patch(transport, f"{base}/1")
    assert isinstance(failure, NoReply)
    assert (failure.kind, failure.sent) == ("connection", False)


@pytest.mark.asyncio
async def test_a_proxy_that_refuses_sees_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked to connect and nothing else; its own password stays out of the message."""
    answer = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    async with raw_server(saying(answer)) as (base, requests):
        monkeypatch.setenv("https_proxy", base.replace("//", "//user:sesame@"))
        monkeypatch.delenv("no_proxy", raising=False)
        async with Transport(HOSTS) as transport:
            failure = await patch(transport)
    assert isinstance(failure, NoReply)
    assert not failure.sent
    assert "407" in failure.message
    assert "sesame" not in failure.message
    assert requests[0].startswith(b"CONNECT api.mypurecloud.ie:443 ")
    assert b"hush" not in requests[0]


@pytest.mark.asyncio
async def test_cancelling_at_any_await_leaves_no_connection_behind(
    cancel_at_each_await: Callable[..., Any],
) -> None:
    """A connection half way through an answer must not be given to the next request."""
    head = b"HTTP/1.1 400 X\r\nContent-Length: 300000\r\n\r\n"
    async with served(saying(head, b"x" * 300_000)) as (transport, base, _):
        session = transport._session
        assert session is not None

        def scene() -> Any:
            async def check() -> None:
                assert not session.connector._acquired
                reply = await patch(transport, f"{base}/check")
                assert isinstance(reply, Reply)
                assert len(reply.body) == 300_000

            return patch(transport, f"{base}/1"), check

        assert await cancel_at_each_await(scene) >= 2


@pytest.mark.parametrize(
    ("content", "words"), [(None, "cannot be read: No such file"), (b"junk", "not a PEM file")]
)
def test_a_ca_file_that_cannot_be_used(content: bytes | None, words: str, tmp_path: Path) -> None:
    """One sentence before the first request, not a traceback at it."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=f"--ca-file .*{words}"):
        Transport(HOSTS, ConnectOptions(ca_file=str(path)))


@pytest.mark.asyncio
async def test_a_transport_that_is_not_open_says_so() -> None:
    """A mistake of the programmer's, not a row's."""
    with pytest.raises(RuntimeError, match="not open"):
        await patch(Transport(HOSTS))


@pytest.mark.asyncio
async def test_the_whole_client_over_a_real_socket() -> None:
    """The parts as `open_client` wires them, with a ready token."""
    async with raw_server(saying(ACCEPTED)) as (base, requests):
        account = Account(AccessToken(Secret("hush")), find_hosts(None, api_url=base), "a test")
        async with open_client(account, version="0") as client:
            answer = await client.call("PATCH", "/api/v2/x", b'{"attributes":{"a":"1"}}')
    assert answer.outcome_kind is OutcomeKind.ACCEPTED
    assert (client.traffic.requests, client.tokens_minted, len(requests)) == (1, 0, 1)


@pytest.mark.asyncio
async def test_minting_over_the_wire(http: Any, account: Account) -> None:
    """Basic authentication and a form, to the login host; the bearer token to the API's."""
    http.post(
        "https://login.mypurecloud.ie/oauth/token",
        payload={"access_token": "hush-1", "token_type": "bearer", "expires_in": 86400},
    )
    http.patch(URL_OF_PATCH, status=202)
    async with open_client(account, pace=PaceOptions(assumed=None), version="0") as client:
        await client.call("PATCH", URL_OF_PATCH.removeprefix(API), b"{}")
    (mint,) = http.requests["POST", URL("https://login.mypurecloud.ie/oauth/token")]
    (call,) = http.requests["PATCH", URL(URL_OF_PATCH)]
    assert mint.kwargs["data"].decode() == "grant_type=client_credentials"
    assert mint.kwargs["headers"]["Authorization"] == "Basic YW4taWQ6aHVzaC1zZWNyZXQ="
    assert mint.kwargs["headers"]["Content-Type"] == "application/x-www-form-urlencoded"
    assert call.kwargs["headers"]["Authorization"] == "Bearer hush-1"


@pytest.mark.parametrize(
    "api_url", ["https://api.x.test:443", "https://x.test/g", "http://[::1]:8"]
)
def test_the_url_is_taken_as_it_is(api_url: str) -> None:
    """It is cut by counting: a port that yarl leaves out, or a path before, must not upset it."""
    transport = Transport(find_hosts(None, api_url=api_url, login_url="https://l.test"))
    for path in ("/a/b%2Fc", "/a?id=b,c"):
        url = transport._url(f"{api_url}{path}")
        assert f"{url.scheme}://{url.raw_authority}{url.raw_path_qs}" in (
            f"{api_url}{path}",
            f"{api_url}{path}".replace(":443", ""),
        )
