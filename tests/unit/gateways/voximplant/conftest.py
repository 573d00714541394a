"""A backend under the test's hand, and calls put through the scenario against it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pytest

from ringtrace.gateways.voximplant.emulator import Case, Reply, Request, Result, Storage, run

NUMBER = "15550100101"
CALLER = "15550177001"
AGENT = "+15550199001"
SECOND = "+15550199002"
THIRD = "+15550199003"
FALLBACK = "+15550199099"
START = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
SECRETS = {
    "RINGTRACE_URL": "https://backend.example/",
    "RINGTRACE_TOKEN": "gateway-token",
    "RINGTRACE_FALLBACK": FALLBACK,
}

REFUSED = Reply(-4, delay=0.001)


def plan(*targets: str, ring: float = 25, record: bool = True, **changes: Any) -> dict[str, Any]:
    step = {
        "do": "dial",
        "targets": [{"to": target, "ring_seconds": ring} for target in targets or (AGENT,)],
        "caller_id": f"+{NUMBER}",
        "record": record,
    }
    whole = {
        "call": "x",
        "number": f"+{NUMBER}",
        "steps": [step],
        "max_seconds": 7200,
        "cacheable": True,
    }
    return whole | changes


def json_reply(code: int, content: object, delay: float = 0.03) -> Reply:
    return Reply(code, json.dumps(content).encode(), delay=delay)


@dataclass
class FakeBackend:
    """Answers arrivals, digits, and the n-th report with `report(n, moment)`."""

    arrival: Reply = field(default_factory=lambda: json_reply(200, plan()))
    keyed: Reply = REFUSED
    report: Callable[[int, float], Reply] = lambda _n, _moment: Reply(200, b'{"result":"created"}')
    arrivals: list[Request] = field(default_factory=list)
    digits: list[Request] = field(default_factory=list)
    reports: list[tuple[float, Request, int]] = field(default_factory=list)

    def __call__(self, request: Request, moment: float) -> Reply:
        if request.url == "https://backend.example/gateway/v1/calls":
            self.arrivals.append(request)
            return self.arrival
        if request.url == "https://backend.example/gateway/v1/calls/4000000001/digits":
            self.digits.append(request)
            return self.keyed
        assert request.url == "https://backend.example/gateway/v1/calls/4000000001/report"
        reply = self.report(len(self.reports), moment)
        self.reports.append((moment, request, reply.code))
        return reply

    def acknowledged(self) -> dict[str, Any]:
        """Return the one report that was acknowledged."""
        accepted = [request for _, request, code in self.reports if code in {200, 409}]
        assert len(accepted) == 1
        assert accepted[0].body is not None
        report: dict[str, Any] = json.loads(accepted[0].body)
        return report


@dataclass
class Phone:
    """Puts calls through the scenario; the backend and the storage stay between them."""

    scenario: str
    backend: FakeBackend = field(default_factory=FakeBackend)
    storage: Storage = field(default_factory=Storage)

    def call(self, **changes: Any) -> Result:
        given = {"destination": NUMBER, "caller": CALLER, "secrets": SECRETS} | changes
        case = Case(**given)
        return run([self.scenario], case, storage=self.storage, http=self.backend, start=START)

    def report(self, **changes: Any) -> dict[str, Any]:
        """Put a call through and return its one acknowledged report."""
        self.call(**changes)
        return self.backend.acknowledged()


@pytest.fixture(scope="session")
def scenario() -> str:
    return (files("ringtrace.gateways.voximplant") / "scenario.js").read_text("utf-8")


@pytest.fixture
def phone(scenario: str) -> Phone:
    return Phone(scenario)


def steps(*steps: dict[str, Any], **changes: Any) -> Reply:
    """The answer to an arrival: a plan of these steps."""
    return json_reply(200, plan(steps=list(steps), **changes))


def said(text: str, language: str = "en-US", file: str | None = None) -> dict[str, Any]:
    return {"text": text, "language": language, "file": file}


def dial(*targets: str, ring: float = 25, **changes: Any) -> dict[str, Any]:
    step: dict[str, Any] = plan(*targets, ring=ring)["steps"][0]
    return step | changes


def moments(result: Result, name: str) -> list[float]:
    return [moment.t for moment in result.timeline if moment.name == name]


def order(result: Result, *names: str) -> list[str]:
    """Those of the commands that have one of these names."""
    return [m.name for m in result.timeline if m.kind == "command" and m.name in names]


def commands(result: Result, name: str) -> list[dict[str, Any]]:
    return [m.data for m in result.timeline if m.kind == "command" and m.name == name]


def events(result: Result, name: str) -> list[dict[str, Any]]:
    return [m.data for m in result.timeline if m.kind == "event" and m.name == name]
