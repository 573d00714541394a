"""The one HTTP client with which the server asks what a user named.

It connects to public addresses and to networks that the operator allows, nowhere else. Names are
resolved once for each connection, all answers are judged, and the connection goes to an address
that passed, so that a second answer of the name server cannot lead elsewhere (DNS rebinding). Each
redirect is a new connection and judged anew. No cookies, no proxies from the environment, no
connection kept for the next request.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urljoin

import httpcore
import httpx

from ringtrace.domain.sending import Failure
from ringtrace.domain.url import Url, UrlInvalidError, read_url
from ringtrace.outbound.addresses import Network, may_reach, read_address

MOST_ADDRESSES: Final = 4
_LOOKUPS: Final = 8
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD: Final = frozenset({307, 308})
_CREDENTIALS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})

Resolver = Callable[[str, int], Sequence[str]]
"""The IP addresses of a host, in the order of preference. Raises OSError. Runs in a thread."""


class OutboundError(Exception):
    """Nothing came of a request; `failure` says why, `detail` more of it for people."""

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(f"{failure}: {detail}")
        self.failure = failure
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Request:
    """`seconds` is the time for all of it: name, connection, redirects, answer.

    Of the answer at most `most_bytes` are read. `redirects` are followed at most; a POST is sent
    on by 307 and 308 alone, other redirects of it are answers like any other.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 15.0
    most_bytes: int = 65_536
    redirects: int = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """`is_whole`: the body was not cut off. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool


def system_resolver(host: str, port: int) -> Sequence[str]:
    """As the machine resolves names. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class OutboundHttp:
    """`allowed` are networks that may be asked though they are not public; `close` it."""

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        context: ssl.SSLContext | None = None,
        resolver: Resolver = system_resolver,
    ) -> None:
        self._context = context or httpx.create_ssl_context()
        # Threads of its own: a name server that is away must not use up those of the ring path.
        self._lookups = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="outbound-dns")
        self._network = _Guarded(allowed, resolver, self._lookups)

    def close(self) -> None:
        self._lookups.shutdown(wait=False, cancel_futures=True)

    async def send(self, request: Request) -> Answer:
        """The answer, whatever its status. Raises OutboundError."""
        try:
            async with asyncio.timeout(request.seconds):
                return await self._follow(request)
        except TimeoutError as error:
            message = f"no answer within {request.seconds:g} s"
            raise OutboundError(Failure.TIMED_OUT, message) from error

    async def _follow(self, request: Request) -> Answer:
        url = _read(request.url)
        for _ in range(request.redirects + 1):
            answer = await self._once(url, request)
            target = _target(url, request, answer)
            if target is None:
                return answer
            request = _redirected(request, url, target, answer.status)
            url = target
        raise OutboundError(Failure.TOO_MANY_REDIRECTS, "redirected once too often")

    async def _once(self, url: Url, request: Request) -> Answer:
        pool = httpcore.AsyncConnectionPool(
            ssl_context=self._context,
            max_keepalive_connections=0,
            network_backend=self._network,
        )
        headers = {"accept": "*/*", "user-agent": "Ringtrace", "connection": "close"}
        headers |= {name.lower(): value for name, value in request.headers.items()}
        headers["host"] = _authority(url)
        try:
            async with (
                pool,
                pool.stream(
                    request.method, url.text, headers=list(headers.items()), content=request.body
                ) as response,
            ):
                body, is_whole = await _read_body(response, request.most_bytes)
                return Answer(response.status, _texts(response.headers), body, is_whole)
        except (httpcore.NetworkError, httpcore.ProtocolError, ValueError, OSError) as error:
            raise _told(error) from error


class _Guarded(httpcore.AsyncNetworkBackend):
    """Connects to what passes `may_reach`, by address; TLS still checks the name of the host."""

    def __init__(
        self, allowed: Sequence[Network], resolver: Resolver, lookups: ThreadPoolExecutor
    ) -> None:
        self._allowed = allowed
        self._resolver = resolver
        self._lookups = lookups
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._permitted(host, port)
        for address in addresses[:-1]:
            try:
                return await self._plain.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except httpcore.ConnectError:
                continue
        return await self._plain.connect_tcp(
            addresses[-1], port, timeout, local_address, socket_options
        )

    async def _permitted(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._lookups, self._resolver, host, port)
        except (OSError, UnicodeError) as error:
            raise OutboundError(Failure.NAME_UNKNOWN, "the host's name is not known") from error
        permitted = [one for one in found if may_reach(read_address(one), self._allowed)]
        if not permitted:
            raise OutboundError(Failure.ADDRESS_REFUSED, "the host's address is not public")
        return permitted[:MOST_ADDRESSES]


def _read(text: str) -> Url:
    try:
        return read_url(text)
    except UrlInvalidError as error:
        raise OutboundError(Failure.URL_INVALID, str(error)) from error


def _target(url: Url, request: Request, answer: Answer) -> Url | None:
    """Where an answer sends on to; None: it is the answer."""
    location = answer.headers.get("location")
    if answer.status not in _REDIRECTS or location is None:
        return None
    if request.method not in {"GET", "HEAD"} and answer.status not in _SAME_METHOD:
        return None
    target = _read(urljoin(url.text, location).partition("#")[0])
    if url.scheme == "https" and target.scheme != "https":
        raise OutboundError(Failure.URL_INVALID, "redirected from https to http")
    return target


def _redirected(request: Request, url: Url, target: Url, status: int) -> Request:
    """What is asked there: without credentials when it is another origin."""
    headers = {
        name: value
        for name, value in request.headers.items()
        if target.origin == url.origin or name.lower() not in _CREDENTIALS
    }
    keeps = request.method == "HEAD" or status in _SAME_METHOD
    return replace(request, method=request.method if keeps else "GET", headers=headers)


def _authority(url: Url) -> str:
    host = f"[{url.host}]" if ":" in url.host else url.host
    is_usual = (url.scheme, url.port) in {("https", 443), ("http", 80)}
    return host if is_usual else f"{host}:{url.port}"


async def _read_body(response: httpcore.Response, most: int) -> tuple[bytes, bool]:
    body = b""
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) > most:
            return body[:most], False
    return body, True


def _texts(headers: Sequence[tuple[bytes, bytes]]) -> Mapping[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _told(error: Exception) -> OutboundError:
    cause = error.__cause__ or error.__context__ or error
    if isinstance(cause, ssl.SSLError) or isinstance(error, ssl.SSLError):
        return OutboundError(Failure.TLS_FAILED, str(getattr(cause, "verify_message", "")) or "TLS")
    if isinstance(error, httpcore.ConnectError):
        return OutboundError(Failure.NOT_CONNECTED, "the host does not take the connection")
    return OutboundError(Failure.BROKEN_OFF, "the connection broke off")
