"""Where the CPU time of one request goes, from a profile of the running server.

Threads are told apart by the kernel's own account of each. What the event loop's thread does is
divided by a sampling profiler (py-spy) among the layers of the code; it runs in a run of its own,
so that the figures beside it are those of an undisturbed server.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.processes import Server, database_cpu_seconds

HTTP, WEB, SERVICES, STORE, WRITER, DATABASE = (
    "http", "web", "services", "store", "writer", "database",
)  # fmt: skip
HOW_TO_GET: Final = "py-spy is not installed (`make bench` installs it)"

_SAMPLES_A_SECOND: Final = 200
_MORE_SECONDS: Final = 20.0

# The innermost frame that is of a layer decides, but what the store calls is the store's.
_OF_STORE: Final = ("ringtrace/store/", "asyncpg/")
_OF: Final = (
    ("uvicorn/", HTTP),
    ("ringtrace/web/onewrite.py", HTTP),
    ("ringtrace/web/", WEB),
    ("prometheus_client/", WEB),
    ("ringtrace/services/", SERVICES),
    ("ringtrace/domain/", SERVICES),
    ("phonenumbers/", SERVICES),
)
_FILE: Final = re.compile(r"\(([^()]+):\d+\)")


@dataclass(frozen=True, slots=True)
class Layers:
    """CPU microseconds of one answer, by layer; `samples` of the profile divide the first four.

    `http`: event loop, HTTP parser, socket and kernel. `web`: reading and writing bodies, metrics.
    `services`: services and domain. `store`: the store's part in the event loop's thread.
    `writer`: all other threads, which for SQLite is the store with the file's own work.
    `database`: the processes of PostgreSQL; 0 when they are not of this machine.
    """

    http: float
    web: float
    services: float
    store: float
    writer: float
    database: float
    samples: int


class NotProfiledError(RuntimeError):
    """py-spy is not there, or may not look at the server."""


def measured(
    server: Server, load: Callable[[], int], seconds: int, database_url: str | None
) -> Layers:
    """`load` asks for `seconds` and answers how many answers came. Raises NotProfiledError."""
    loop, whole = server.loop_cpu_seconds(), server.cpu_seconds()
    database = database_cpu_seconds(database_url)
    answered = load()
    loop = server.loop_cpu_seconds() - loop
    whole = server.cpu_seconds() - whole
    database = database_cpu_seconds(database_url) - database
    shares = _shares(_profile(server, load, seconds))
    a_request = 1e6 / answered
    samples = shares.total()
    of_loop = {name: a_request * loop * shares[name] / samples for name in shares}
    return Layers(
        http=of_loop.get(HTTP, 0.0),
        web=of_loop.get(WEB, 0.0),
        services=of_loop.get(SERVICES, 0.0),
        store=of_loop.get(STORE, 0.0),
        writer=a_request * max(0.0, whole - loop),
        database=a_request * database,
        samples=samples,
    )


def layer_of(stack: str) -> str:
    """The layer of a stack of the loop's thread: frames with their files, the outermost first."""
    files = _FILE.findall(stack)
    if any(beginning in file for file in files for beginning in _OF_STORE):
        return STORE
    for file in reversed(files):
        for beginning, layer in _OF:
            if beginning in file:
                return layer
    return HTTP


def _shares(stacks: Iterable[str]) -> Counter[str]:
    """Samples by layer, of lines like `thread (1): MainThread;f (a.py:1);g (b.py:2) 7`."""
    found: Counter[str] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        if "MainThread" in stack.partition(";")[0]:
            found[layer_of(stack)] += int(count)
    if not found:
        raise NotProfiledError("the profile is empty")
    return found


def _profile(server: Server, load: Callable[[], int], seconds: int) -> list[str]:
    beside = Path(sys.executable).with_name("py-spy")
    program = str(beside) if beside.exists() else shutil.which("py-spy")
    if program is None:
        raise NotProfiledError(HOW_TO_GET)
    with tempfile.NamedTemporaryFile("r", suffix=".txt") as file:
        command = [
            program, "record", "--pid", str(server.process.pid), "--duration", str(seconds),
            "--rate", str(_SAMPLES_A_SECOND), "--threads", "--format", "raw",
            "--output", file.name,
        ]  # fmt: skip
        spy = subprocess.Popen(  # noqa: S603 - our own arguments
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        load()
        said = spy.communicate(timeout=_MORE_SECONDS)[1]
        if spy.returncode:
            raise NotProfiledError(f"py-spy: {said.strip()}")
        return Path(file.name).read_text("utf-8").splitlines()
