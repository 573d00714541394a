"""Rounds of floor and subject in turn, and what they come to."""

import secrets
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import client, layers, wrk
from benchmarks.layers import Layers
from benchmarks.processes import Server
from benchmarks.request import Figures, Template, id_of

_QUIET_SECONDS = 0.2
_SETTLE_SECONDS = 30.0

Load = Callable[[str, Template, str, int, int, int], Figures]


@dataclass(frozen=True, slots=True)
class Run:
    """One run against one server. `cpu_us`: CPU for a request, work after the answer included."""

    rate: float
    p50_us: float
    p99_us: float
    cpu_us: float
    sent: int
    answered: int
    failed: int


@dataclass(frozen=True, slots=True)
class Spread:
    median: float
    min: float
    max: float


@dataclass(frozen=True, slots=True)
class Result:
    """Medians over the rounds; ratios are subject to floor within one round."""

    connections: int
    rate: float
    floor_rate: float
    rate_ratio: Spread
    p50_us: float
    floor_p50_us: float
    p99_us: float
    floor_p99_us: float
    p99_ratio: Spread
    cpu_us: float
    floor_cpu_us: float
    cpu_ratio: Spread
    sent: int
    answered: int
    failed: int


@dataclass(slots=True)
class Tally:
    """Requests that the subject was sent, and those of them that it acknowledged."""

    sent: int = 0
    acknowledged: int = 0


class Client:
    """Asks servers; request ids are new in every run."""

    def __init__(self, *, by_wrk: bool) -> None:
        self._load = wrk.load if by_wrk else _own
        self.prefix = f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(4)}"
        self._counter = 0

    def ask(self, server: Server, template: Template, count: int, connections: int) -> set[str]:
        """Ask `count` times; answers the ids of the acknowledged."""
        first = self._take(template, count)
        found, acknowledged = client.load(
            server.url, template, self.prefix, first, connections, 600.0, count
        )
        assert found.failed == 0, f"{found.failed} of {count} were refused"
        return {id_of(self.prefix, one) for one in acknowledged}

    def run(
        self,
        server: Server,
        template: Template,
        connections: int,
        seconds: int,
        *,
        settles: bool = True,
    ) -> Run:
        """Ask for `seconds`. What the server puts off it does before this returns: `settles`."""
        first = self._take(template, 0)
        before = server.cpu_seconds()
        found = self._load(server.url, template, self.prefix, first, connections, seconds)
        if not template.cycle:
            self._counter += found.sent
        cpu = (_settled_cpu(server) if settles else server.cpu_seconds()) - before
        return Run(
            rate=found.rate,
            p50_us=found.p50_us,
            p99_us=found.p99_us,
            # What the client broke off in the end was worked off, too.
            cpu_us=1e6 * cpu / found.sent,
            sent=found.sent,
            answered=found.answered,
            failed=found.failed,
        )

    def _take(self, template: Template, count: int) -> int:
        """The first counter of a run; requests that come in cycles use the first visits' ids."""
        if template.cycle:
            return 0
        first = self._counter
        self._counter += count
        return first


class Bench:
    """Asks the subject and the floor the same.

    `tallies` counts by the template's name what the rounds asked of the subject.
    """

    def __init__(self, subject: Server, floor: Server, *, by_wrk: bool) -> None:
        self.subject = subject
        self._floor = floor
        self._client = Client(by_wrk=by_wrk)
        self.prefix = self._client.prefix
        self.tallies: dict[str, Tally] = {}

    def ask(self, template: Template, count: int, connections: int) -> set[str]:
        """Ask the subject alone, `count` times; answers the ids of the acknowledged."""
        return self._client.ask(self.subject, template, count, connections)

    def rounds(self, template: Template, connections: int, count: int, seconds: int) -> Result:
        pairs = []
        for _ in range(count):
            # The floor has nothing to do after an answer.
            floor = self._client.run(self._floor, template, connections, seconds, settles=False)
            subject = self._client.run(self.subject, template, connections, seconds)
            pairs.append((subject, floor))
            self._count(template, subject)
        return _result(connections, pairs)

    def layers(
        self, template: Template, connections: int, seconds: int, database_url: str | None
    ) -> Layers:
        """Where the subject's time goes. Raises NotProfiledError."""

        def load() -> int:
            run = self._client.run(self.subject, template, connections, seconds)
            self._count(template, run)
            return run.answered

        return layers.measured(self.subject, load, seconds, database_url)

    def _count(self, template: Template, run: Run) -> None:
        tally = self.tallies.setdefault(template.name, Tally())
        tally.sent += run.sent
        tally.acknowledged += run.answered - run.failed


def _own(
    url: str, template: Template, prefix: str, counter: int, connections: int, seconds: int
) -> Figures:
    return client.load(url, template, prefix, counter, connections, seconds)[0]


def _settled_cpu(server: Server) -> float:
    """CPU seconds once the server has done what it put off; the next run must not pay for it."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    used = server.cpu_seconds()
    while time.monotonic() < deadline:
        time.sleep(_QUIET_SECONDS)
        used, before = server.cpu_seconds(), used
        if used == before:
            return used
    raise TimeoutError(f"the server is still busy after {_SETTLE_SECONDS:.0f} s")


def _result(connections: int, pairs: list[tuple[Run, Run]]) -> Result:
    def median(name: str, which: int) -> float:
        return float(statistics.median(getattr(pair[which], name) for pair in pairs))

    def ratio(name: str) -> Spread:
        ratios = [getattr(subject, name) / max(getattr(floor, name), 1e-9)
                  for subject, floor in pairs]  # fmt: skip
        return Spread(statistics.median(ratios), min(ratios), max(ratios))

    return Result(
        connections=connections,
        rate=median("rate", 0),
        floor_rate=median("rate", 1),
        rate_ratio=ratio("rate"),
        p50_us=median("p50_us", 0),
        floor_p50_us=median("p50_us", 1),
        p99_us=median("p99_us", 0),
        floor_p99_us=median("p99_us", 1),
        p99_ratio=ratio("p99_us"),
        cpu_us=median("cpu_us", 0),
        floor_cpu_us=median("cpu_us", 1),
        cpu_ratio=ratio("cpu_us"),
        sent=sum(subject.sent for subject, _ in pairs),
        answered=sum(subject.answered for subject, _ in pairs),
        failed=sum(run.failed for pair in pairs for run in pair),
    )
