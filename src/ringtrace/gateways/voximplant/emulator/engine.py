"""The JavaScript engine: one scenario context, fed with events, drained of commands."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from time import thread_time
from typing import Any

import quickjs

CPU_SECONDS = 1.0
MEMORY_BYTES = 16 * 1024 * 1024
SOURCE_CHARACTERS = 256 * 1024
_STACK_BYTES = 512 * 1024
# The prelude starts behind every possible line of a scenario, so that a frame tells whose it is.
_PRELUDE_LINE = 300_000
_TOO_LONG = f"a callback ran longer than {CPU_SECONDS:g} s"
_FRAME = re.compile(r"\s*at (?P<function>.*?) ?\(?<input>:(?P<line>\d+):(?P<column>\d+)\)?")


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """What the scenario asked of the platform."""

    name: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """One run of the scenario: what it asked for, and what broke it, if anything did.

    `problem` is a syntax error, CPU time or memory; the commands before it still count.
    """

    commands: tuple[Command, ...]
    problem: str | None = None


@cache
def _prelude() -> str:
    folder = files(__package__) / "prelude"
    parts = sorted(folder.iterdir(), key=lambda part: part.name)
    body = "\n".join(part.read_text("utf-8") for part in parts if part.name.endswith(".js"))
    return (
        "\n" * _PRELUDE_LINE
        + "(function (settings) { 'use strict';\nconst config = JSON.parse(settings);\n"
        + body
        + "\n})"
    )


class Engine:
    """A context of the thread that made it; use and drop it in the same one.

    All scripts run as one text in one global scope, in their order.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._context = quickjs.Context()
        self._context.set_memory_limit(MEMORY_BYTES)
        self._context.set_max_stack_size(_STACK_BYTES)
        self._context.set_time_limit(CPU_SECONDS)
        self._stopped = False
        self._first_lines: list[tuple[int, str]] = []
        self._bridge = self._context.eval(_prelude())(json.dumps(settings))

    def load(self, scripts: Sequence[Script]) -> Turn:
        """Run the top level of all scripts."""
        line = 1
        for script in scripts:
            self._first_lines.append((line, script.name))
            line += script.text.count("\n") + 1
        source = "\n".join(script.text for script in scripts)
        if len(source) > SOURCE_CHARACTERS:
            return Turn((), f"the scenarios are longer than {SOURCE_CHARACTERS} characters")
        return self._run(lambda: self._compile_and_run(source))

    def _compile_and_run(self, source: str) -> None:
        # At the top level the engine lets `const x` precede `function x`, as no other engine
        # does; as a function's body, which is only compiled here, it does not.
        self._context.eval(f"(function () {{{source}\n}})")
        self._context.eval(source)

    def dispatch(self, event: Mapping[str, Any]) -> Turn:
        """Deliver one event and run everything it sets off."""
        text = json.dumps(event)
        return self._run(lambda: self._bridge(text))

    def where(self, stack: str) -> str:
        """Frames of the scenarios in `stack`, as `function@/scenario:line:column` lines."""
        frames = []
        for match in _FRAME.finditer(stack):
            line = int(match["line"])
            if line >= _PRELUDE_LINE or not self._first_lines:
                continue
            first, name = max(pair for pair in self._first_lines if pair[0] <= line)
            frames.append(f"{match['function']}@/{name}:{line - first + 1}:{match['column']}")
        return "\n".join(frames)

    def _run(self, step: Callable[[], object]) -> Turn:
        problem = None
        try:
            self._step(step)
        except quickjs.JSException as error:
            problem = self._explain(str(error))
        except _TooLongError:
            problem = _TOO_LONG
            self._stopped = True
        return Turn(self._drain(), problem)

    def _step(self, step: Callable[[], object]) -> None:
        began = thread_time()
        step()
        # Each job has the engine's own limit; a chain of short ones is stopped here for good.
        while not self._stopped and self._context.execute_pending_job():
            if thread_time() - began > CPU_SECONDS:
                raise _TooLongError

    def _drain(self) -> tuple[Command, ...]:
        try:
            queued = json.loads(self._bridge(""))
        except quickjs.JSException:
            # No memory is left even for this; the problem has been told.
            return ()
        return tuple(Command(item["name"], item["data"]) for item in queued)

    def _explain(self, text: str) -> str:
        message, _, stack = text.partition("\n")
        if "interrupted" in message:
            message = _TOO_LONG
        if message == "null":
            message = f"out of memory (limit {MEMORY_BYTES} bytes) or stack"
        where = self.where(stack)
        return f"{message}\n{where}" if where else message


class _TooLongError(Exception):
    pass
