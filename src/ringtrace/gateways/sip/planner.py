"""Finds a call's plan in time: the backend, else the number's last plan, else the fallback."""

import contextlib
import hashlib
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from ringtrace.domain.call import PlanSource
from ringtrace.domain.plan import Plan
from ringtrace.gateways.sip.backend import (
    Arrival,
    Backend,
    BackendAwayError,
    LegNote,
    NumberUnknownError,
)
from ringtrace.gateways.sip.durable import remove, replace_file
from ringtrace.gateways.sip.loop import Loop
from ringtrace.gateways.sip.plans import PlanInvalidError, fallback_plan, parse_plan

_Answer = TypeVar("_Answer")
_log = logging.getLogger(__name__)
_THREADS = 32
_DIGITS_SECONDS = 3.0  # the caller hears ringing meanwhile, so it may take a little longer
_ROOM_SECONDS = 1.0

CACHED_SECONDS: Final = 90 * 86_400
"""A plan that the backend has not stood by for so long is no longer trusted."""

_TOUCHED_SECONDS = 3600.0  # a busy number's plan is not dated anew with every call


class PlanCache:
    """The last cacheable plan of each number, one small file per number.

    A file's time is when the backend stood by the plan last.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)

    def keep(self, number: str, plan: Plan) -> None:
        """Take what the backend answers for the number.

        A cacheable plan is kept. One of this call alone leaves the last cacheable plan in place,
        unless that was made of another revision of the flow: what it says may be wrong by now.
        """
        path = self._path(number)
        if plan.cacheable:
            document = msgspec.json.encode(plan)
            if _content(path) == document:
                _stand_by(path)
            else:
                replace_file(path, document)
            return
        kept = self._read(path)
        if kept is not None and kept.revision == plan.revision:
            _stand_by(path)
        else:
            remove(path)

    def forget(self, number: str) -> None:
        remove(self._path(number))

    def get(self, number: str) -> Plan | None:
        """None: there is none, or none that can be trusted."""
        path = self._path(number)
        plan = self._read(path)
        if plan is not None and _age(path) > CACHED_SECONDS:
            _log.warning("cached_plan_too_old")
            return None
        return plan

    def _read(self, path: Path) -> Plan | None:
        document = _content(path)
        if document is None:
            return None
        try:
            return parse_plan(document)
        except PlanInvalidError as error:
            _log.warning("cached_plan_damaged error=%s", error)
            return None

    def _path(self, number: str) -> Path:
        # A dialled number is whatever the network sent, so it does not become a file name.
        return self._folder / f"{hashlib.sha256(number.encode()).hexdigest()}.json"


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _age(path: Path) -> float:
    """Seconds; a file that another call has removed meanwhile is as old as can be."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _stand_by(path: Path) -> None:
    """What was kept is right today."""
    if _age(path) > _TOUCHED_SECONDS:
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)


@dataclass(frozen=True)
class Decision:
    """`plan` is `None` when the number is not ours, or when nobody can say what to do."""

    plan: Plan | None
    source: PlanSource | None
    number_unknown: bool = False


class Planner:
    """Answers each request exactly once, on the loop, within the backend's time-out."""

    def __init__(
        self,
        loop: Loop,
        backend: Backend,
        cache: PlanCache,
        *,
        timeout: float,
        fallback_target: str | None,
        fallback_ring_seconds: float,
    ) -> None:
        self._loop = loop
        self._backend = backend
        self._cache = cache
        self._timeout = timeout
        self._fallback_target = fallback_target
        self._fallback_ring_seconds = fallback_ring_seconds
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="plan")

    def decide(self, arrival: Arrival, done: Callable[[Decision], None]) -> None:
        """The plan of a call that has arrived."""
        self._in_time(
            self._timeout,
            lambda: self._ask(arrival),
            lambda: self._give_up(arrival),
            done,
        )

    def decide_again(self, call: str, digits: str, done: Callable[[Plan | None], None]) -> None:
        """The plan for a caller who keyed `digits`; `None`: go on with the plan at hand."""

        def give_up() -> None:
            _log.warning("digits_not_taken call=%s error=deadline", call)

        self._in_time(_DIGITS_SECONDS, lambda: self._ask_again(call, digits), give_up, done)

    def ask_room(self, call: str, note: LegNote, done: Callable[[bool | None], None]) -> None:
        """Whether a target has room for the leg; `None`: the backend does not say."""

        def give_up() -> None:
            _log.warning("room_not_known call=%s error=deadline", call)

        self._in_time(_ROOM_SECONDS, lambda: self._has_room(call, note), give_up, done)

    def tell_leg(self, call: str, note: LegNote) -> None:
        """Tell the backend of a leg; nothing waits for it.

        What it could not be told in time is let go: after it has hung for an hour, all of that
        would keep the plans of ringing calls waiting.
        """
        deadline = time.monotonic() + _ROOM_SECONDS

        def tell() -> None:
            if time.monotonic() < deadline:
                self._has_room(call, note)

        self._threads.submit(tell)

    def _in_time(
        self,
        seconds: float,
        ask: Callable[[], _Answer],
        give_up: Callable[[], _Answer],
        done: Callable[[_Answer], None],
    ) -> None:
        """`done` gets, on the loop, what `ask` finds in a thread, or what `give_up` says."""
        waiting = [done]

        def answer(found: _Answer) -> None:
            if waiting:
                timer.cancel()
                waiting.pop()(found)

        def work() -> None:
            if time.monotonic() >= deadline:
                return  # the threads were busy with a hanging backend; the call went on without
            found = ask()
            self._loop.post(lambda: answer(found))

        deadline = time.monotonic() + seconds
        timer = self._loop.after(seconds, lambda: answer(give_up()))
        self._threads.submit(work)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, arrival: Arrival) -> Decision:
        try:
            plan = self._backend.plan(arrival)
        except NumberUnknownError:
            self._cache.forget(arrival.number)
            return Decision(None, None, number_unknown=True)
        except BackendAwayError as error:
            _log.warning("backend_away call=%s error=%s", arrival.call, error)
            return self._without_backend(arrival.number)
        try:
            self._cache.keep(arrival.number, plan)
        except OSError as error:
            _log.error("plan_not_cached error=%s", error.strerror)
        return Decision(plan, PlanSource.BACKEND)

    def _give_up(self, arrival: Arrival) -> Decision:
        _log.warning("backend_away call=%s error=deadline", arrival.call)
        return self._without_backend(arrival.number)

    def _ask_again(self, call: str, digits: str) -> Plan | None:
        try:
            return self._backend.plan_for_digits(call, digits, _DIGITS_SECONDS)
        except BackendAwayError as error:
            _log.warning("digits_not_taken call=%s error=%s", call, error)
            return None

    def _has_room(self, call: str, note: LegNote) -> bool | None:
        try:
            return self._backend.has_room(call, note, _ROOM_SECONDS)
        except BackendAwayError as error:
            _log.warning("room_not_known call=%s error=%s", call, error)
            return None

    def _without_backend(self, number: str) -> Decision:
        cached = self._cache.get(number)
        if cached is not None:
            return Decision(cached, PlanSource.CACHE)
        if self._fallback_target is None:
            return Decision(None, None)
        plan = fallback_plan(number, self._fallback_target, self._fallback_ring_seconds)
        return Decision(plan, PlanSource.FALLBACK)
