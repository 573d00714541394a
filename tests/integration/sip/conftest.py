"""A real node process, telephones on loopback addresses, and a backend that does as it is told."""

import asyncio
import contextlib
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ringtrace.demo.phone import Phone
from tests.kamailio import Edge, planned

TOKEN = "integration"
CALLER_IP = "127.0.0.2"
AGENT_IP = "127.0.0.3"
CALLER = "+15550177001"
NUMBER = "15550100101"
OUR_NUMBER = "+15550100101"
AGENT = "+15550199001"
SECOND_AGENT = "+15550199002"

Json = dict[str, Any]


COLLECT = {
    "do": "collect",
    "digits": 4,
    "seconds": 1,
    "prompt": {"text": "Please key the four digits of your extension.", "language": "en-US"},
}


def said(text: str) -> Json:
    return {"text": text, "language": "en-US"}


def dial(*targets: tuple[str, float], record: bool = False, **more: Any) -> Json:
    """`targets` ring for so many seconds each."""
    rung = [{"to": to, "ring_seconds": ring} for to, ring in targets]
    return {"do": "dial", "targets": rung, "caller_id": OUR_NUMBER, "record": record, **more}


def plan_of(*steps: Json, max_seconds: float = 600) -> Json:
    return {
        "call": "",
        "number": OUR_NUMBER,
        "steps": steps,
        "max_seconds": max_seconds,
        "cacheable": True,
    }


def plan(
    *targets: tuple[str, float],
    record: bool = False,
    max_seconds: float = 600,
    collect: Json | None = None,
) -> Json:
    steps = [dial(*targets, record=record)]
    return plan_of(*([collect] if collect else []), *steps, max_seconds=max_seconds)


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for `condition`; fail when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.02)


@dataclass(frozen=True)
class Put:
    """An upload as it came, also one that was refused."""

    call: str
    media_type: str
    digest: str
    body: bytes


class _Handler(BaseHTTPRequestHandler):
    backend: "Backend"
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # head and body in one packet, else delayed ACKs cost 40 ms

    def parse_request(self) -> bool:
        """A connection that was kept open ends with the server, too."""
        self.close_connection = self.backend._server is None
        return not self.close_connection and super().parse_request()

    def do_POST(self) -> None:
        body = json.loads(self._body())
        if self.path == "/gateway/v1/calls":
            self._answer(*self.backend.answer_arrival(body))
            return
        call, what = self.path.removeprefix("/gateway/v1/calls/").split("/")
        answers = {"digits": self.backend.answer_digits, "legs": self.backend.answer_leg}
        if what in answers:
            self._answer(*answers[what](call, body))
            return
        self.backend.reported.append(call)
        if self.backend.report_status < 300:
            self.backend.reports[call] = body
        self._answer(self.backend.report_status, {"result": "created"})

    def do_GET(self) -> None:
        assert self.path == "/gateway/v1/alive"
        is_known = self.headers["Authorization"] == f"Bearer {TOKEN}"
        self._answer(204 if is_known else 401, None)

    def do_PUT(self) -> None:
        call = self.path.removeprefix("/gateway/v1/calls/").removesuffix("/recording")
        media_type, digest = self.headers["Content-Type"], self.headers["Content-Digest"]
        put = Put(call, media_type, digest, self._body())
        self.backend.puts.append(put)
        status = self.backend.answer_recording(put)
        if status < 300:
            self.backend.recordings[call] = put.body
        self._answer(status, None)

    def _body(self) -> bytes:
        assert self.headers["Authorization"] == f"Bearer {TOKEN}"
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _answer(self, status: int, document: Json | None) -> None:
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@dataclass
class Backend:
    """Keeps what it is sent; `delay` seconds before each answer to an arrival.

    `plan_for_digits` answers the digits request; without it that fails. `free` is whether targets
    with a cap have room, None: it does not say.
    """

    port: int
    plan: Json | None = None
    plan_for_digits: Json | None = None
    delay: float = 0.0
    report_status: int = 200
    recording_status: int = 204
    free: bool | None = True
    arrivals: list[Json] = field(default_factory=list)
    digits: list[tuple[str, Json]] = field(default_factory=list)
    legs: list[tuple[str, Json]] = field(default_factory=list)
    reported: list[str] = field(default_factory=list)
    reports: dict[str, Json] = field(default_factory=dict)
    recordings: dict[str, bytes] = field(default_factory=dict)
    puts: list[Put] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        handler = type("Handler", (_Handler,), {"backend": self})
        ThreadingHTTPServer.allow_reuse_address = True
        ThreadingHTTPServer.daemon_threads = True
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer_arrival(self, body: Json) -> tuple[int, Json]:
        self.arrivals.append(body)
        time.sleep(self.delay)
        return (404, {"error_id": "number_unknown"}) if self.plan is None else (200, self.plan)

    def answer_digits(self, call: str, body: Json) -> tuple[int, Json | None]:
        self.digits.append((call, body))
        return (503, None) if self.plan_for_digits is None else (200, self.plan_for_digits)

    def answer_recording(self, put: Put) -> int:
        return self.recording_status if put.call in self.reports else 404

    def answer_leg(self, call: str, body: Json) -> tuple[int, Json | None]:
        self.legs.append((call, body))
        return (503, None) if self.free is None else (200, {"free": self.free})

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def forget(self) -> None:
        self.plan, self.plan_for_digits = None, None
        self.delay, self.report_status, self.recording_status = 0.0, 200, 204
        self.free = True
        self.arrivals.clear()
        self.digits.clear()
        self.legs.clear()
        self.reported.clear()
        self.reports.clear()
        self.recordings.clear()
        self.puts.clear()

    async def report(self, seconds: float = 20.0) -> Json:
        """The only report."""
        await until(lambda: bool(self.reports), seconds)
        (report,) = self.reports.values()
        return report

    async def recording(self) -> bytes:
        """The only recording, a WAV file."""
        await until(lambda: bool(self.recordings))
        (recording,) = self.recordings.values()
        return recording


def toml(settings: Json) -> str:
    """Of what JSON can say as well; what is `None` is left out."""
    lines = [f"{k} = {_toml(v)}" for k, v in settings.items() if v is not None]
    return "\n".join(lines)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


@dataclass
class Node:
    """One node process; `start` again after `kill` uses the same spool and settings."""

    folder: Path
    settings: Json
    address: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def start(self) -> None:
        ready = self.folder / "ready"
        ready.unlink(missing_ok=True)
        settings = self.folder / "node.toml"
        places = {"spool_dir": str(self.spool), "ready_file": str(ready)}
        settings.write_text(toml({**places, **self.settings}))
        command = [sys.executable, "-m", "ringtrace.gateways.sip", "--config", str(settings)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log)  # noqa: S603 - our own program
        deadline = time.monotonic() + 10
        while not ready.exists():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)
        self.address = ready.read_text()

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self) -> int:
        assert self.process is not None
        code = self.process.wait(15)
        self.process = None
        return code

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self) -> None:
        if self.process is None:
            return
        self.signal(signal.SIGTERM)
        assert self.wait() == 0

    def health(self, path: str) -> tuple[int, str]:
        """What its own HTTP listener answers."""
        address = re.findall(r"health_served address=(\S+)", self.log)[-1]
        with contextlib.closing(http.client.HTTPConnection(address, timeout=5)) as link:
            link.request("GET", path)
            answer = link.getresponse()
            return answer.status, answer.read().decode()

    def metric(self, name: str) -> float:
        """The value of `name`, labels and all; 0 while nothing was counted."""
        lines = self.health("/metrics")[1].splitlines()
        found = [line.rpartition(" ")[2] for line in lines if line.startswith(f"{name} ")]
        return float(found[0]) if found else 0.0

    def uri(self, number: str = NUMBER) -> str:
        return f"sip:{number}@{self.address}"

    def waiting(self) -> list[str]:
        """Files of calls that the backend does not have yet."""
        parts = ("live", "outbox", "media")
        found = [p.name for part in parts for p in (self.spool / part).iterdir()]
        return [name for name in found if name != "alive"]


def free_port(ip: str, kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((ip, 0))
        return int(probe.getsockname()[1])


def _node(folder: Path, backend: Backend, agent_port: int, rtp_port: int, **changes: Any) -> Node:
    settings = {
        "backend_url": f"http://127.0.0.1:{backend.port}",
        "token": TOKEN,
        "listen_ip": "127.0.0.1",
        "listen_port": 0,
        "trusted_networks": [f"{CALLER_IP}/32"],
        "trunks": [{"host": f"{AGENT_IP}:{agent_port}"}],
        "health_listen": "127.0.0.1:0",
        "rtp_port_min": rtp_port,
        "rtp_port_max": rtp_port + 999,
        "backend_timeout": 0.5,
        "no_reply_seconds": 0.5,
        "max_calls": 20,
        "drain_seconds": 0.1,
    }
    return Node(folder, {**settings, **changes})


@pytest.fixture(scope="module")
def agent_port() -> int:
    return free_port(AGENT_IP, socket.SOCK_DGRAM)


@pytest.fixture(scope="module")
def shared_backend() -> Iterator[Backend]:
    backend = Backend(free_port("127.0.0.1", socket.SOCK_STREAM))
    backend.start()
    yield backend
    backend.stop()


@pytest.fixture
def backend(shared_backend: Backend) -> Iterator[Backend]:
    shared_backend.forget()
    yield shared_backend
    shared_backend.stop()
    shared_backend.start()


@pytest.fixture(scope="module")
def shared_node(
    tmp_path_factory: pytest.TempPathFactory, shared_backend: Backend, agent_port: int
) -> Iterator[Node]:
    node = _node(tmp_path_factory.mktemp("node"), shared_backend, agent_port, 31000)
    node.start()
    yield node
    node.stop()


@pytest.fixture
async def node(shared_node: Node, backend: Backend) -> AsyncIterator[Node]:  # noqa: ARG001 - a clean backend
    """The module's node, with nothing left in its spool when the test is over."""
    yield shared_node
    await until(lambda: not shared_node.waiting())


@pytest.fixture
def own_node(tmp_path: Path, backend: Backend, agent_port: int) -> Iterator[Callable[..., Node]]:
    """Makes a node of the test's own, with other settings, not yet started.

    Each has its own folder below the test's and its own media ports.
    """
    nodes: list[Node] = []

    def make(**changes: Any) -> Node:
        folder = tmp_path / f"node-{len(nodes)}" if nodes else tmp_path
        folder.mkdir(exist_ok=True)
        nodes.append(_node(folder, backend, agent_port, 32000 + 1000 * len(nodes), **changes))
        return nodes[-1]

    yield make
    for made in nodes:
        made.stop()


@pytest.fixture
async def caller() -> AsyncIterator[Phone]:
    phone = await Phone.open(CALLER_IP)
    yield phone
    await phone.close()


@pytest.fixture
async def agents(agent_port: int) -> AsyncIterator[Callable[..., Any]]:
    """The telephone behind the outbound proxy, opened with the behaviours it is called with."""
    phones: list[Phone] = []

    async def open_phone(behaviours: dict[str, Any]) -> Phone:
        phones.append(await Phone.open(AGENT_IP, agent_port, behaviours))
        return phones[-1]

    yield open_phone
    for phone in phones:
        await phone.close()


def private(path: Path) -> bool:
    return not path.stat().st_mode & 0o077


@pytest.fixture
def pair(own_node: Callable[..., Node]) -> Callable[..., tuple[Node, Node]]:
    """Starts two nodes that believe an edge on this machine."""

    def start(**changes: Any) -> tuple[Node, Node]:
        common = {"edges": ["127.0.0.1/32"], "max_calls": 40, "drain_seconds": 30, **changes}
        first, second = (
            own_node(node=name, listen_port=free_port("127.0.0.1", socket.SOCK_DGRAM), **common)
            for name in ("sip-1", "sip-2")
        )
        first.start()
        second.start()
        return first, second

    return start


@pytest.fixture
def made(tmp_path: Path) -> Edge:
    """An edge of the test's own, not yet running."""
    return planned(tmp_path)
