"""HTTP under the platform's rules: three at a time, one while terminating, none after."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ringtrace.gateways.voximplant.emulator.agenda import Agenda
from ringtrace.gateways.voximplant.emulator.http import TIMED_OUT, Backend, Reply, Request
from ringtrace.gateways.voximplant.emulator.result import Sent

CONCURRENT = 3
Finished = Callable[[int, dict[str, Any]], None]


@dataclass(slots=True)
class _Exchange:
    id: int
    request: Request
    raw: bool
    code: int | None = None
    sent_at: float | None = None


class HttpQueue:
    """`finished(id, result)` is called on the agenda when a request has its answer."""

    def __init__(self, agenda: Agenda, backend: Backend, finished: Finished) -> None:
        self._agenda = agenda
        self._backend = backend
        self._finished = finished
        self._waiting: deque[_Exchange] = deque()
        self._active = 0
        self._sent: list[_Exchange] = []
        self._closing = False

    @property
    def active(self) -> int:
        return self._active

    def ask(self, data: dict[str, Any]) -> None:
        self._waiting.append(_exchange(data))
        self._pump()

    def ask_at_once(self, data: dict[str, Any]) -> None:
        """Send without queueing: the one request of the Terminating handler."""
        self._start(_exchange(data))

    def drop_waiting(self) -> int:
        """Forget what has not left yet and let nothing more leave; how many were dropped."""
        dropped = len(self._waiting)
        self._waiting.clear()
        self._closing = True
        return dropped

    def requests(self) -> tuple[Sent, ...]:
        return tuple(
            Sent(
                round(item.sent_at or 0.0, 3),
                item.request.method,
                item.request.url,
                None if item.request.body is None else item.request.body.decode("utf-8", "replace"),
                item.code,
            )
            for item in self._sent
        )

    def _pump(self) -> None:
        while self._waiting and self._active < CONCURRENT and not self._closing:
            self._start(self._waiting.popleft())

    def _start(self, item: _Exchange) -> None:
        self._active += 1
        item.sent_at = self._agenda.now
        self._sent.append(item)
        reply = self._backend(item.request, self._agenda.now)
        if reply.delay > item.request.timeout:
            reply = Reply(TIMED_OUT, error="timed out", delay=item.request.timeout)
        self._agenda.after(reply.delay, lambda: self._finish(item, reply))

    def _finish(self, item: _Exchange, reply: Reply) -> None:
        self._active -= 1
        item.code = reply.code
        self._pump()
        self._finished(item.id, _result(reply, raw=item.raw))


def _exchange(data: dict[str, Any]) -> _Exchange:
    body = bytes(data["bytes"]) if data["bytes"] is not None else None
    if data["body"] is not None:
        body = data["body"].encode()
    request = Request(
        method=data["method"],
        url=data["url"],
        headers=tuple((name, value) for name, value in data["headers"]),
        body=body,
        timeout=data["timeout"],
        connect_timeout=data["connectTimeout"],
    )
    return _Exchange(data["id"], request, data["raw"])


def _result(reply: Reply, *, raw: bool) -> dict[str, Any]:
    result: dict[str, Any] = {
        "code": reply.code,
        "headers": [{"key": name, "value": value} for name, value in reply.headers],
        "raw_headers": "".join(f"{name}: {value}\r\n" for name, value in reply.headers),
    }
    if raw:
        result["data"] = list(reply.content)
    else:
        result["text"] = reply.content.decode("utf-8", "replace")
    if reply.error:
        result["error"] = reply.error
    return result
