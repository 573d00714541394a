"""Says over HTTP whether the node is alive, takes calls, and how it is doing."""

import logging
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import msgspec

from ringtrace.gateways.sip.loop import Loop
from ringtrace.gateways.sip.metrics import Metrics, Vitals, Waiting

_log = logging.getLogger(__name__)
_PATIENCE: Final = 2.0
"""Seconds that the loop has to say how it is; a loop that takes longer keeps callers waiting."""
_READ_SECONDS: Final = 5.0
_PLAIN: Final = "text/plain; charset=utf-8"
_METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"

Look = Callable[[Callable[[Vitals], None]], None]
"""Called on the loop; gives the vitals to what it is called with."""


class Health:
    """A thread that listens; what it cannot do is logged and costs no call.

    `/healthz`: 200 while the node's loop and its media relay answer. `/readyz`: 200 while it takes
    calls, 503 while it is draining. `/metrics`: everything, for Prometheus.
    """

    def __init__(
        self, loop: Loop, metrics: Metrics, look: Look, waiting: Callable[[], Waiting]
    ) -> None:
        self._loop = loop
        self._metrics = metrics
        self._look = look
        self._waiting = waiting
        self._server: ThreadingHTTPServer | None = None

    def start(self, address: tuple[str, int]) -> None:
        try:
            server = self._server = _Server(address, _handler(self))
        except OSError as error:
            _log.error("health_not_served address=%s:%d error=%s", *address, error.strerror)
            return
        threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
        _log.info("health_served address=%s:%d", *server.server_address[:2])

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """Status, content type and body."""
        if path not in {"/healthz", "/readyz", "/metrics"}:
            return HTTPStatus.NOT_FOUND, _PLAIN, b"/healthz, /readyz or /metrics\n"
        vitals = self._vitals()
        if vitals is None:
            return HTTPStatus.SERVICE_UNAVAILABLE, _PLAIN, b"the node's loop does not answer\n"
        if path == "/metrics":
            body = self._metrics.exposition(vitals, self._waiting())
            return HTTPStatus.OK, _METRICS, body
        is_well = vitals.media_sessions is not None
        if path == "/readyz":
            is_well = is_well and not vitals.is_draining
        status = HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE
        return status, "application/json", msgspec.json.encode(self._said(vitals)) + b"\n"

    def _said(self, vitals: Vitals) -> dict[str, object]:
        status = "draining" if vitals.is_draining else "ok"
        return {
            "status": "media_relay_gone" if vitals.media_sessions is None else status,
            "calls": vitals.live,
            "backend": self._metrics.backend_state,
            "reports_waiting": self._waiting().reports,
            "trunks_down": sum(not trunk.is_up for trunk in vitals.trunks),
        }

    def _vitals(self) -> Vitals | None:
        found: list[Vitals] = []
        ready = threading.Event()

        def take(vitals: Vitals) -> None:
            found.append(vitals)
            ready.set()

        self._loop.post(lambda: self._look(take))
        return found[0] if ready.wait(_PATIENCE) else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True


def _handler(health: Health) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _READ_SECONDS
        server_version, sys_version = "ringtrace", ""

        def do_GET(self) -> None:
            status, kind, body = health.answer(self.path.partition("?")[0])
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    return Handler
