"""How the server is doing, for Prometheus: `GET /metrics`, with a token of the operator."""

from collections.abc import Callable
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from ringtrace.domain.account import TokenKind
from ringtrace.services.directory import Directory
from ringtrace.services.errors import MethodNotAllowedError, RefusedError, TokenUnknownError
from ringtrace.services.gateway_signs import GatewaySigns
from ringtrace.web.api.bearer import OPERATOR
from ringtrace.web.asgi import Receive, Scope, Send, bearer, respond, respond_error

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_TYPE: Final = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


class Meter:
    """Counts what was answered.

    `waiting` tells how many writes the store has not answered yet, `away` whether it is away.
    """

    def __init__(
        self, signs: GatewaySigns, waiting: Callable[[], int], away: Callable[[], bool]
    ) -> None:
        self._registry = registry = CollectorRegistry()
        self._signs = signs
        ProcessCollector(registry=registry)
        self._answers = Histogram(
            "ringtrace_http_seconds",
            "From a request to the end of its answer.",
            ["route", "status"],
            buckets=_SECONDS,
            registry=registry,
        )
        # The library looks a child up under a lock, and a caller is waiting.
        self._children: dict[tuple[str, int], Histogram] = {}
        self._heard = Gauge(
            "ringtrace_gateway_last_heard_timestamp_seconds",
            "When a gateway's newest request came.",
            ["account", "gateway"],
            registry=registry,
        )
        Gauge(
            "ringtrace_store_waiting", "Writes that are not durable yet.", registry=registry
        ).set_function(waiting)
        Gauge(
            "ringtrace_store_away", "1 while the store does not take writes.", registry=registry
        ).set_function(away)

    def answered(self, route: str, status: int, seconds: float) -> None:
        child = self._children.get((route, status))
        if child is None:
            child = self._children[route, status] = self._answers.labels(route, status)
        child.observe(seconds)

    def exposition(self) -> bytes:
        """In the text format of Prometheus."""
        for owner, at in self._signs.all():
            self._heard.labels(owner.account_id, owner.kind.value).set(at / 1_000)
        return generate_latest(self._registry)


class MetricsDoor:
    def __init__(self, directory: Directory, meter: Meter) -> None:
        self._directory = directory
        self._meter = meter

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            owner = self._directory.owner(bearer(scope), TokenKind.API, TokenKind.COMMAND)
            if owner is None or owner.account_id != OPERATOR:
                raise TokenUnknownError("an API token of the first account is needed")
            if scope["method"] != "GET":
                raise MethodNotAllowedError("GET is needed")
        except RefusedError as error:
            await respond_error(send, error)
            return
        await respond(send, 200, self._meter.exposition(), (_TYPE,))
