"""What does a call cost the SIP node, and how many can it carry? See README.md.

python -m benchmarks.sip_load [--rounds 3] [--calls 300] [--rate 50] [--concurrent 200]
"""

import argparse
import contextlib
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import msgspec

from benchmarks import facts, processes, sipp
from benchmarks.measure import Spread
from benchmarks.processes import Server
from benchmarks.sipp import Calls

RESULTS = Path(__file__).with_name("results")
PLAIN, RECORDED = "+12025550101", "+12025550102"
_TARGET = "+12025550191"
_SETTLE_SECONDS = 60.0
_QUIET_SECONDS = 0.5
_HOLD_SECONDS = 0.5
_SPOKEN_HOLD_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """`memory_calls` are placed in all before memory is looked at; `talk` is in seconds."""

    rounds: int = 3
    calls: int = 300
    rate: float = 50.0
    spoken_rate: float = 25.0
    concurrent: int = 200
    talk: float = 12.0
    memory_calls: int = 4_000
    results: Path = RESULTS


@dataclass(frozen=True, slots=True)
class Run:
    """One load: `cpu_ms` for each call, with what is done after it (report, recording)."""

    calls: int
    failed: int
    retransmissions: int
    rate: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Subject:
    """Medians over the rounds; the ratio is to the floor's run of the same round."""

    rate: float
    cpu_ms: float
    ratio_to_floor: Spread
    failed: int
    retransmissions: int


class NotCarriedError(AssertionError):
    """A call failed, a report or a recording is missing, or a packet was lost."""


class Bench:
    """Floor, node, backend and the telephones of a benchmark over `folder`."""

    def __init__(self, options: Options, folder: Path, parts: contextlib.ExitStack) -> None:
        self._options = options
        self._folder = folder
        self.data = folder / "data"
        self._tone = folder / "tone.ulaw"
        sipp.write_tone(self._tone, 10.0)
        self._port = _free_port(sipp.AGENT_IP)
        target = f"{sipp.AGENT_IP}:{self._port}"
        self.server = parts.enter_context(processes.ringtrace(self.data))
        self._api = parts.enter_context(_api(self.server.url, self.data))
        token = _open_business(self._api)
        self.floor = parts.enter_context(processes.sip_floor(folder, target))
        self.node = parts.enter_context(processes.sip_node(folder, self.server.url, token, target))
        self.placed = 0

    def of_floor(self) -> Run:
        return self._run(self.floor, PLAIN)

    def signalling(self, calls: int | None = None) -> Run:
        return self._run(self.node, PLAIN, calls)

    def spoken(self, tone: bool, number: str) -> Run:
        """Calls with sound (or none) to a number that is recorded (or not)."""
        return self._run(self.node, number, self._options.calls // 2, tone=tone)

    def concurrent(self) -> dict[str, object]:
        """So many recorded calls at once, both sides speaking all the while."""
        options = self._options
        rate = options.concurrent / 8
        before = self.node.cpu_seconds(), time.monotonic()
        found = self._place(
            self.node, RECORDED, options.concurrent, rate, options.talk + 8, tone=True
        )
        talking = (self.node.cpu_seconds() - before[0]) / (time.monotonic() - before[1])
        self._settle()
        files = sorted(self.data.glob("recordings/**/*.wav"))[-options.concurrent :]
        lost = [sipp.lost_packets(file) for file in files]
        if found.failed or len(files) < options.concurrent or sum(lost):
            raise NotCarriedError(f"{found}, {len(files)} recordings, {sum(lost)} packets lost")
        return {
            "calls": found.successful,
            "seconds_each": options.talk + 8,
            "packets_per_second": options.concurrent * 100,
            "packets_lost": sum(lost),
            "node_cores_used": round(talking, 3),
            "resident_mib": round(self.node.resident_mib()),
        }

    def memory(self) -> dict[str, object]:
        """After so many calls in all, and a tenth as many more: what grows without end shows."""
        at_start = self.node.resident_mib()
        found = [at_start]
        for share in (1.0, 1.1):
            missing = round(self._options.memory_calls * share) - self.placed
            if missing > 0:
                self.signalling(missing)
            found.append(self.node.resident_mib())
        return {
            "calls": self.placed,
            "mib_before": round(at_start),
            "mib_after": round(found[1]),
            "mib_after_a_tenth_more": round(found[2]),
        }

    def check_reports(self) -> dict[str, int]:
        """Every call placed with the node is reported, none twice, all of them answered."""
        query: dict[str, str | int] = {"outcome": "answered", "limit": 1}
        answered = self._api.get("/api/v1/calls", params=query).raise_for_status().json()["total"]
        total = self._api.get("/api/v1/calls", params={"limit": 1}).json()["total"]
        if (answered, total) != (self.placed, self.placed):
            raise NotCarriedError(f"{self.placed} calls, {total} known, {answered} answered")
        return {"placed": self.placed, "reported": total}

    def _run(
        self, subject: Server, number: str, calls: int | None = None, *, tone: bool = False
    ) -> Run:
        calls = calls or self._options.calls
        rate = self._options.spoken_rate if tone else self._options.rate
        hold = _SPOKEN_HOLD_SECONDS if tone else _HOLD_SECONDS
        before = subject.cpu_seconds()
        found = self._place(subject, number, calls, rate, hold, tone=tone)
        if subject is self.node:
            self._settle()
        if found.failed:
            raise NotCarriedError(f"{found.failed} of {calls} calls failed")
        return Run(
            calls=found.successful,
            failed=found.failed,
            retransmissions=found.retransmissions,
            rate=calls / max(found.seconds, 1e-9),
            cpu_ms=1_000 * (subject.cpu_seconds() - before) / calls,
        )

    def _place(
        self, subject: Server, number: str, calls: int, rate: float, hold: float, *, tone: bool
    ) -> Calls:
        sound = self._tone if tone else None
        if subject is self.node:
            self.placed += calls
        with sipp.agents(self._folder, self._port, sound):
            return sipp.call(
                self._folder, subject.url, number.removeprefix("+"),
                calls=calls, rate=rate, hold_seconds=hold, tone=sound,
            )  # fmt: skip

    def _settle(self) -> None:
        """Until the node has delivered everything and has come to rest."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        spool = self._folder / "spool"
        used = -1.0
        while time.monotonic() < deadline:
            time.sleep(_QUIET_SECONDS)
            waiting = any(spool.glob("outbox/*")) or any(spool.glob("live/*.json"))
            used, before = self.node.cpu_seconds(), used
            if not waiting and used - before < 0.03 * _QUIET_SECONDS:
                return
        raise TimeoutError(f"the node is still busy after {_SETTLE_SECONDS:.0f} s")


def run(options: Options) -> Path:
    """Measure, print, write the JSON; answers its path. Raises NotCarriedError, SippError."""
    sipp.path()
    folder = Path(tempfile.mkdtemp(prefix="ringtrace-sip-"))
    try:
        with contextlib.ExitStack() as parts:
            document: dict[str, object] = {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "commit": facts.commit(),
                "machine": facts.machine(folder),
                "versions": facts.versions("sippy", "rtp-io"),
                "rounds": options.rounds,
                "calls": options.calls,
            }
            document |= _measure(options, Bench(options, folder, parts))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return _write(options.results, document)


def _measure(options: Options, bench: Bench) -> dict[str, object]:
    loads: dict[str, Callable[[], Run]] = {
        "signalling": bench.signalling,
        "recorded": partial(bench.spoken, True, RECORDED),
    }
    floors: list[Run] = []
    runs: dict[str, list[Run]] = {name: [] for name in loads}
    bench.of_floor()  # not reported: the first calls load what the later ones use
    bench.signalling()
    for _ in range(options.rounds):
        floors.append(bench.of_floor())
        for name, load in loads.items():
            runs[name].append(load())
    floor = _subject(floors, floors)
    found = {name: _subject(some, floors) for name, some in runs.items()}
    _say(f"{'':<12}{'calls/s':>9}{'CPU ms':>8}{'over floor (min-max)':>23}{'failed':>8}")
    for name, one in {"floor": floor, **found}.items():
        _say(_row(name, one))
    concurrent = bench.concurrent()
    _say(f"concurrent  {concurrent}")
    memory = bench.memory()
    _say(f"memory      {memory}")
    return {
        "floor": asdict(floor),
        "subjects": {name: asdict(one) for name, one in found.items()},
        "concurrent": concurrent,
        "memory": memory,
        "reports": bench.check_reports(),
    }


def _subject(runs: list[Run], floors: list[Run]) -> Subject:
    ratios = [one.cpu_ms / floor.cpu_ms for one, floor in zip(runs, floors, strict=True)]
    return Subject(
        rate=statistics.median(one.rate for one in runs),
        cpu_ms=statistics.median(one.cpu_ms for one in runs),
        ratio_to_floor=Spread(statistics.median(ratios), min(ratios), max(ratios)),
        failed=sum(one.failed for one in runs),
        retransmissions=sum(one.retransmissions for one in runs),
    )


def _row(name: str, one: Subject) -> str:
    ratio = one.ratio_to_floor
    spread = f"{ratio.median:.2f} ({ratio.min:.2f}-{ratio.max:.2f})"
    return f"{name:<12}{one.rate:>9.1f}{one.cpu_ms:>8.2f}{spread:>23}{one.failed:>8}"


def _api(url: str, data: Path) -> httpx.Client:
    key = (data / "api-token").read_text("utf-8").strip()
    return httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30.0, trust_env=False
    )


def _open_business(api: httpx.Client) -> str:
    """Two numbers, one of them recorded; answers a gateway's token."""
    numbers = [
        {"number": number, "channel": "Radio", "target": _TARGET, "record": number == RECORDED}
        for number in (PLAIN, RECORDED)
    ]
    document = {"account": {"name": "Shop", "region": "US"}, "number": numbers}
    api.put("/api/v1/setup", json=document).raise_for_status()
    return str(api.post("/api/v1/tokens", json={"kind": "sip"}).raise_for_status().json()["token"])


def _free_port(ip: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((ip, 0))
        return int(probe.getsockname()[1])


def _write(results: Path, document: dict[str, object]) -> Path:
    results.mkdir(parents=True, exist_ok=True)
    path = results / f"sip_load-{datetime.now(UTC):%Y-%m-%d}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    return path


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options(arguments: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="benchmarks.sip_load", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of floor and node")
    parser.add_argument("--calls", type=int, default=300, help="calls of a run")
    parser.add_argument("--rate", type=float, default=50.0, help="calls a second, without sound")
    parser.add_argument("--spoken-rate", type=float, default=25.0, help="the same with sound")
    parser.add_argument("--concurrent", type=int, default=200, help="recorded calls at once")
    parser.add_argument("--talk", type=float, default=12.0, help="seconds that all of them talk")
    parser.add_argument("--memory-calls", type=int, default=4_000)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON")
    given = vars(parser.parse_args(arguments))
    if min(value for value in given.values() if not isinstance(value, Path)) <= 0:
        parser.error("every count is positive")
    return Options(**given)


def main() -> None:
    _say(f"wrote {run(_options(None))}")


if __name__ == "__main__":
    main()
