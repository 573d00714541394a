"""What answers a scenario's HTTP requests: stubs of the case, or the real web."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from time import monotonic

import httpx

from ringtrace.gateways.voximplant.emulator.case import Stub

MALFORMED_URL = -2
HOST_NOT_FOUND = -3
CONNECTION_ERROR = -4
REDIRECTS = -5
NETWORK_ERROR = -6
TIMED_OUT = -7
INTERNAL_ERROR = -8
TOO_LARGE = -9

USER_AGENT = "VoxEngine/1.0"
RESPONSE_BYTES = 2 * 1024 * 1024
_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Request:
    """As the scenario or a player of it asked; `timeout` and `connect_timeout` are seconds.

    Of the answer `most_bytes` are taken.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    timeout: float
    connect_timeout: float
    most_bytes: int = RESPONSE_BYTES


@dataclass(frozen=True, slots=True)
class Reply:
    """`code`: HTTP status, or the platform's negative code; `delay`: virtual seconds until it."""

    code: int
    content: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.05
    error: str = ""


Backend = Callable[[Request, float], Reply]
"""Answers a request that leaves at the given virtual second."""


def stubs(known: Sequence[Stub]) -> Backend:
    """Answer from `known`, first match wins; the host of anything else is not found."""

    def answer(request: Request, _moment: float) -> Reply:
        for stub in known:
            if stub.method is not None and stub.method.upper() != request.method:
                continue
            if fnmatchcase(request.url, stub.url):
                return Reply(stub.status, stub.text.encode(), delay=stub.delay)
        return Reply(HOST_NOT_FOUND, error="no stub of the case fits this URL")

    return answer


class RealHttp:
    """Sends requests to the listed hosts only (`host` or `host:port`), redirects included.

    A request takes its real time as virtual time. Close it after use.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._client = httpx.Client(
            trust_env=False,
            follow_redirects=True,
            max_redirects=_REDIRECTS,
            headers={"User-Agent": USER_AGENT, "Accept": "*/*"},
            event_hooks={"request": [self._check]},
        )

    def __call__(self, request: Request, _moment: float) -> Reply:
        began = monotonic()
        reply = self._send(request, began + request.timeout)
        delay = min(monotonic() - began, request.timeout)
        return Reply(reply.code, reply.content, reply.headers, delay, reply.error)

    def close(self) -> None:
        self._client.close()

    def _check(self, request: httpx.Request) -> None:
        host = request.url.host.lower()
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        if host not in self._hosts and f"{host}:{port}" not in self._hosts:
            raise _NotListedError

    def _send(self, request: Request, deadline: float) -> Reply:
        try:
            return self._exchange(request, deadline)
        except _NotListedError:
            return Reply(HOST_NOT_FOUND, error="the host is not in http_hosts")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return Reply(_code_of(error), error=str(error))

    def _exchange(self, request: Request, deadline: float) -> Reply:
        url = httpx.URL(request.url)
        if url.scheme not in {"http", "https"} or not url.host:
            raise httpx.InvalidURL("not an absolute http or https address")
        connect = min(request.connect_timeout, request.timeout)
        with self._client.stream(
            request.method,
            url,
            headers=list(request.headers),
            content=request.body,
            timeout=httpx.Timeout(request.timeout, connect=connect),
        ) as response:
            return _read(response, deadline, request.most_bytes)


class _NotListedError(Exception):
    pass


def _read(response: httpx.Response, deadline: float, most_bytes: int) -> Reply:
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > most_bytes:
            return Reply(TOO_LARGE, error=f"the answer is larger than {most_bytes} bytes")
        if monotonic() > deadline:
            return Reply(TIMED_OUT, error="the answer took too long")
    return Reply(response.status_code, bytes(content), tuple(response.headers.multi_items()))


def _code_of(error: Exception) -> int:
    match error:
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return MALFORMED_URL
        case httpx.TooManyRedirects():
            return REDIRECTS
        case httpx.TimeoutException():
            return TIMED_OUT
        case httpx.ConnectError():
            return HOST_NOT_FOUND if _is_resolution(error) else CONNECTION_ERROR
        case httpx.TransportError():
            return NETWORK_ERROR
        case _:
            return INTERNAL_ERROR


def _is_resolution(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, socket.gaierror):
            return True
        error = error.__cause__ or error.__context__
    return False
