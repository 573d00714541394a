"""A policy in another process that speaks JSON lines, as `ringtrace engine --stdio` does."""

import json
import subprocess
from collections.abc import Sequence
from typing import Any, Self

from benchmarks.simulation.policies import Named

_EXIT_SECONDS = 30.0


class StdioError(RuntimeError):
    """The other process gave no answer or an error."""


class Stdio:
    """Events without an answer are buffered until the next one that has one."""

    def __init__(self, command: Sequence[str], numbers: int, channels: Sequence[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the command of whoever runs the benchmark
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1 << 16
        )
        self._tell({"ev": "init", "numbers": numbers, "channels": list(channels)})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=_EXIT_SECONDS)

    def lease(self, t: float, visit: int, cookie: int, ch: str, kw: int, dev: int) -> int:
        answer = self._ask({
            "ev": "lease", "t": t, "visit": visit, "cookie": cookie, "ch": ch, "kw": kw, "dev": dev,
        })  # fmt: skip
        return int(answer["number"])

    def seen(self, t: float, visit: int) -> None:
        self._tell({"ev": "seen", "t": t, "visit": visit})

    def contact(self, t: float, visit: int) -> None:
        self._tell({"ev": "contact", "t": t, "visit": visit})

    def leave(self, t: float, visit: int) -> None:
        self._tell({"ev": "leave", "t": t, "visit": visit})

    def tap(self, t: float, visit: int) -> None:
        self._tell({"ev": "tap", "t": t, "visit": visit})

    def call(self, t: float, number: int, caller: int) -> Named:
        return Named(**self._ask({"ev": "call", "t": t, "number": number, "caller": caller}))

    def _tell(self, event: dict[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(event) + "\n")

    def _ask(self, event: dict[str, object]) -> dict[str, Any]:
        self._tell(event)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise StdioError("the other process ended")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise StdioError(f"{event} was answered: {answer['error']}")
        return answer
