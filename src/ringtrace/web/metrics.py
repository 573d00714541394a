"""How the server is doing, for Prometheus: `GET /metrics`, with a token of the operator."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.registry import Collector

from ringtrace.domain.account import TokenKind
from ringtrace.services.directory import Directory
from ringtrace.services.errors import (
    MethodNotAllowedError,
    NeighboursAwayError,
    RefusedError,
    TokenUnknownError,
)
from ringtrace.services.figures import Family, Joint, Sample
from ringtrace.services.gateway_signs import GatewaySigns
from ringtrace.services.neighbours import Neighbours, Sum
from ringtrace.web.api.bearer import OPERATOR
from ringtrace.web.asgi import Receive, Scope, Send, bearer, respond, respond_error

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_ASK_SECONDS: Final = 3.0
_TYPE: Final = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


class Meter:
    """Counts what was answered.

    `waiting` tells how many writes the store has not answered yet, `away` whether it is away.
    """

    def __init__(
        self, signs: GatewaySigns, waiting: Callable[[], int], away: Callable[[], bool]
    ) -> None:
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        self._own = own = CollectorRegistry()
        self._signs = signs
        self._answers = Histogram(
            "ringtrace_http_seconds",
            "From a request to the end of its answer.",
            ["route", "status"],
            buckets=_SECONDS,
            registry=own,
        )
        # The library looks a child up under a lock, and a caller is waiting.
        self._children: dict[tuple[str, int], Histogram] = {}
        self._greatest = CollectorRegistry()
        self._heard = Gauge(
            "ringtrace_gateway_last_heard_timestamp_seconds",
            "When a gateway's newest request came.",
            ["account", "gateway"],
            registry=self._greatest,
        )
        Gauge(
            "ringtrace_store_waiting", "Writes that are not durable yet.", registry=own
        ).set_function(waiting)
        Gauge(
            "ringtrace_store_away",
            "1 while the store does not take writes.",
            registry=self._greatest,
        ).set_function(away)

    def answered(self, route: str, status: int, seconds: float) -> None:
        child = self._children.get((route, status))
        if child is None:
            child = self._children[route, status] = self._answers.labels(route, status)
        child.observe(seconds)

    def families(self) -> list[Family]:
        """As they are now."""
        for owner, at in self._signs.all():
            self._heard.labels(owner.account_id, owner.kind.value).set(at / 1_000)
        return [
            *_families(self._process, Joint.EACH),
            *_families(self._own, Joint.SUM),
            *_families(self._greatest, Joint.GREATEST),
        ]


def _families(registry: CollectorRegistry, joint: Joint) -> Iterator[Family]:
    for metric in registry.collect():
        samples = [
            Sample(one.name, dict(one.labels), one.value)
            for one in metric.samples
            # When a child was made says nothing of several processes.
            if not one.name.endswith("_created")
        ]
        yield Family(metric.name, metric.documentation, metric.type, joint, samples)


def exposition(families: Iterable[Family]) -> bytes:
    """In the text format of Prometheus."""
    return generate_latest(_Told(families))


class _Told(Collector):
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        for family in self._families:
            metric = Metric(family.name, family.help, family.kind)
            for one in family.samples:
                metric.add_sample(one.name, one.labels, one.value)
            yield metric


class MetricsDoor:
    def __init__(self, directory: Directory, meter: Meter, neighbours: Neighbours) -> None:
        self._directory = directory
        self._meter = meter
        self._neighbours = neighbours

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            owner = self._directory.owner(bearer(scope), TokenKind.API, TokenKind.COMMAND)
            if owner is None or owner.account_id != OPERATOR:
                raise TokenUnknownError("an API token of the first account is needed")
            if scope["method"] != "GET":
                raise MethodNotAllowedError("GET is needed")
            families = await self._families()
        except RefusedError as error:
            await respond_error(send, error)
            return
        await respond(send, 200, exposition(families), (_TYPE,))

    async def _families(self) -> list[Family]:
        """Of all processes. Raises NeighboursAwayError."""
        own = self._meter.families()
        if self._neighbours.crew is None:
            return own
        families: list[Family] | None = await self._neighbours.ask(Sum(own), _ASK_SECONDS)
        if families is None:
            # One process alone would look as if all counters had fallen.
            raise NeighboursAwayError("the figures of all workers cannot be had now")
        return families
