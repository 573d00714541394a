"""What the keeper of the workers does for them: passes on news, and counts what is counted once."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ringtrace.services.neighbours import (
    CallOver,
    ConfigurationChanged,
    Crew,
    LegOver,
    Ring,
    SignedIn,
    SignInTried,
    Sum,
)
from ringtrace.services.occupy_target import OccupyTarget
from ringtrace.services.ports import Clock
from ringtrace.web.console.throttle import SignInThrottle
from ringtrace.workers import messages
from ringtrace.workers.ledger import Ledger
from ringtrace.workers.line import Line, Reply

log = logging.getLogger(__name__)

_OTHERS_SECONDS: Final = 1.5
"""So long the other workers have for what one of them asks of all."""


@dataclass(eq=False)
class Seat:
    """One run of a worker, as long as it lives; `line` leads to it.

    `is_here`: it reads what it is told; `is_ready`: it takes requests.
    """

    instructions: messages.Instructions
    line: Line
    is_here: bool = False
    is_ready: bool = False
    failure: str | None = None
    has_ended: bool = False

    @property
    def name(self) -> str:
        return str(self.instructions.number)


class Hub:
    """`changed` hears when a worker has become ready, has failed or is gone."""

    def __init__(self, wanted: int, clock: Clock, changed: Callable[[], None]) -> None:
        self._wanted = wanted
        self._clock = clock
        self._changed = changed
        self._seats: set[Seat] = set()
        self._legs = OccupyTarget(clock)
        self._sign_ins = SignInThrottle()
        self._ledger = Ledger()
        self._tasks: set[asyncio.Task[None]] = set()

    def seat(self, instructions: messages.Instructions) -> Seat:
        """For a worker that is about to start."""
        seat: Seat

        def told(said: bytes) -> None:
            for other in self._others(seat):
                other.line.tell(said)

        def asked(said: bytes, reply: Reply | None) -> None:
            self._answer(seat, messages.asked.decode(said), reply)

        def lost() -> None:
            self._seats.discard(seat)
            self._ledger.close(seat)
            seat.is_ready = False
            seat.has_ended = True
            self._tell_crew()
            self._changed()

        seat = Seat(instructions, Line(told, asked, lost))
        self._seats.add(seat)
        return seat

    @property
    def running(self) -> int:
        return sum(seat.is_ready for seat in self._seats)

    def _others(self, seat: Seat) -> list[Seat]:
        return [one for one in self._seats if one is not seat and one.is_here]

    def _tell_crew(self) -> None:
        now = messages.encode(messages.CrewNow(Crew(self.running, self._wanted)))
        for seat in self._seats:
            seat.line.post(now)

    def _answer(self, seat: Seat, asked: messages.Asked, reply: Reply | None) -> None:
        match asked:
            case Sum() | ConfigurationChanged():
                task = asyncio.create_task(self._ask_others(seat, asked, reply or _nobody))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case messages.Ready():
                seat.is_ready = True
                self._tell_crew()
                self._changed()
            case messages.Failed():
                seat.failure = asked.reason
                (reply or _nobody)(messages.encode(None))
                log.error("worker_failed worker=%s reason=%s", seat.name, asked.reason)
                self._changed()
            case _:
                answer = self._counted(seat, asked)
                if reply is not None:
                    reply(messages.encode(answer))

    def _counted(self, seat: Seat, asked: messages.Asked) -> Any:
        answer: Any = None
        match asked:
            case messages.Hello():
                seat.is_here = True
                answer = seat.instructions
            case Ring():
                answer = self._legs.count(asked)
            case LegOver():
                self._legs.vacate(asked.owner, asked.call, asked.leg)
            case CallOver():
                self._legs.end(asked.owner, asked.call)
            case SignInTried():
                answer = self._sign_ins.attempt(asked.address, asked.login, self._clock())
            case SignedIn():
                self._sign_ins.succeeded(asked.address, asked.login)
        return answer

    async def _ask_others(self, seat: Seat, asked: messages.Asked, reply: Reply) -> None:
        if isinstance(asked, Sum):
            if seat in self._seats:
                self._ledger.note(seat, seat.name, asked.own)
            await asyncio.gather(*(self._measure(other) for other in self._others(seat)))
            reply(messages.encode(self._ledger.sum()))
            return
        reload = messages.encode(messages.Reload())
        others = self._others(seat)
        await asyncio.gather(*(other.line.ask(reload, _OTHERS_SECONDS) for other in others))
        reply(messages.YES)

    async def _measure(self, seat: Seat) -> None:
        """Whoever does not answer is taken to be as he was when he did last."""
        said = await seat.line.ask(messages.encode(messages.Measure()), _OTHERS_SECONDS)
        if said is not None and seat in self._seats:
            self._ledger.note(seat, seat.name, messages.figures.decode(said))


def _nobody(_: bytes) -> None:
    pass
