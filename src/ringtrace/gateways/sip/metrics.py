"""What an operator wants to know of a node, counted. Nothing here names a caller or a number."""

import threading
from dataclasses import dataclass
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

_SETUP_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30)
_PLAN_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2)


@dataclass(frozen=True)
class TrunkState:
    """`is_registered` is `None` where nobody is to be registered."""

    host: str
    is_up: bool
    is_registered: bool | None
    calls: int


@dataclass(frozen=True)
class Vitals:
    """The node as its loop sees it now. `media_sessions` is `None` when the relay is gone."""

    live: int
    is_draining: bool
    media_sessions: int | None
    trunks: tuple[TrunkState, ...]


@dataclass(frozen=True)
class Waiting:
    """What the outbox holds for the backend; `oldest_seconds` is 0 without anything."""

    reports: int
    oldest_seconds: float


class Metrics:
    """One per node; counting is safe from every thread."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._turn = threading.Lock()
        ProcessCollector(registry=registry)
        self.ended = Counter(
            "ringtrace_sip_calls", "Calls that have ended.", ["outcome"], registry=registry
        )
        self.refused = Counter(
            "ringtrace_sip_refused",
            "Requests that never became a call, by reason.",
            ["reason"],
            registry=registry,
        )
        self.setup = Histogram(
            "ringtrace_sip_setup_seconds",
            "From a caller's INVITE to the first 180 or 200 he is sent.",
            buckets=_SETUP_SECONDS,
            registry=registry,
        )
        self.plan = Histogram(
            "ringtrace_sip_plan_seconds",
            "From a caller's INVITE to the plan of his call, by where it came from.",
            ["source"],
            buckets=_PLAN_SECONDS,
            registry=registry,
        )
        self.asked = Counter(
            "ringtrace_sip_backend_requests",
            "Requests to the backend: ok, refused, or away (no answer).",
            ["request", "result"],
            registry=registry,
        )
        self._backend = self._gauge("backend_up", "1 when the newest request to it went well.")
        self._live = self._gauge("calls_live", "Calls in progress.")
        self._draining = self._gauge("draining", "1 while no new calls are taken.")
        self._media = self._gauge("media_sessions", "RTP sessions that are relayed.")
        self._waiting = self._gauge("outbox_reports", "Reports that the backend does not have yet.")
        self._oldest = self._gauge("outbox_oldest_seconds", "Age of the oldest of them.")
        self._trunk_up = self._gauge("trunk_up", "0 when it is believed down.", "trunk")
        self._trunk_registered = self._gauge("trunk_registered", "1 while registered.", "trunk")
        self._trunk_calls = self._gauge("trunk_calls", "Calls out by it.", "trunk")
        self.backend_state = "unknown"

    def refuse(self, reason: str) -> None:
        """A request that becomes no call."""
        self.refused.labels(reason).inc()

    def backend_said(self, request: str, result: str) -> None:
        """A `request` to the backend has ended: ok, refused, or away."""
        self.asked.labels(request, result).inc()
        self.backend_state = result
        self._backend.set(result == "ok")

    def exposition(self, vitals: Vitals, waiting: Waiting) -> bytes:
        """In the text format of Prometheus."""
        with self._turn:
            self._live.set(vitals.live)
            self._draining.set(vitals.is_draining)
            self._media.set(
                float("nan") if vitals.media_sessions is None else vitals.media_sessions
            )
            self._waiting.set(waiting.reports)
            self._oldest.set(waiting.oldest_seconds)
            for trunk in vitals.trunks:
                self._trunk_up.labels(trunk.host).set(trunk.is_up)
                self._trunk_calls.labels(trunk.host).set(trunk.calls)
                if trunk.is_registered is not None:
                    self._trunk_registered.labels(trunk.host).set(trunk.is_registered)
            return generate_latest(self._registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"ringtrace_sip_{name}", meaning, labels, registry=self._registry)
