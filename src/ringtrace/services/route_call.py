"""A gateway asks what to do with a call that is ringing."""

import asyncio
import contextlib
import logging
import re
from collections import OrderedDict, deque
from dataclasses import dataclass, replace

from ringtrace.domain import flow
from ringtrace.domain.account import TokenOwner
from ringtrace.domain.call import GatewayKind
from ringtrace.domain.flow import Plan
from ringtrace.domain.number import NumberInvalidError, TrackingNumber, normalise
from ringtrace.services.attribute_call import attribute_call
from ringtrace.services.commands import NoteArrival
from ringtrace.services.directory import Directory
from ringtrace.services.errors import (
    CallUnknownError,
    FieldInvalidError,
    NumberUnknownError,
    RefusedError,
)
from ringtrace.services.ports import Clock, Store

log = logging.getLogger(__name__)

# Noting gives way to answering: in a flood of arrivals it takes a tenth of the time.
_NOTES_AT_ONCE = 16
_PAUSE_TO_WORK = 9
_LONGEST_PAUSE_SECONDS = 1.0
_MOST_WAITING = 10_000

_FIRST_MOMENT = 946_684_800_000
_DAY_MS = 86_400_000

_KEYS = re.compile(r"[0-9]{1,20}").fullmatch
call_id_is_valid = re.compile(r"[A-Za-z0-9._:@-]{1,128}").fullmatch


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call as the gateway sees it come; `started_at` is ms since 1970 UTC."""

    call: str
    number: str
    caller: str | None
    started_at: int


class RouteCall:
    def __init__(self, store: Store, directory: Directory, clock: Clock) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock
        self._notes = _ArrivalNotes(store, directory)
        self._asked = _Asked()

    def __call__(self, owner: TokenOwner, arrival: Arrival) -> Plan:
        """The plan, from memory alone: a caller is waiting.

        The arrival is noted in the background, because the report makes up for a lost note.
        Needs a running event loop. Raises FieldInvalidError and NumberUnknownError.
        """
        if not call_id_is_valid(arrival.call):
            raise FieldInvalidError("1 to 128 of A-Z a-z 0-9 . _ : @ - are needed", "call")
        refuse_implausible(arrival.started_at, self._clock())
        number = known_number(self._directory, owner.account_id, arrival.number)
        if not number.active:
            raise NumberUnknownError("the tracking number is switched off", "number")
        self._notes.add(_Note(owner, arrival, number))
        ask = self._directory.ask(number, self._clock())
        if ask is not None:
            self._asked.keep((owner, arrival.call), arrival)
        return flow.resolve(number.flow, number.number, ask)

    async def keyed(self, owner: TokenOwner, call: str, digits: str) -> Plan:
        """The caller of a call that was asked for an extension keyed `digits`.

        An extension may lead elsewhere; with wrong digits the call goes where the number leads.
        Raises FieldInvalidError, CallUnknownError, NumberUnknownError, StoreAwayError.
        """
        if not _KEYS(digits):
            raise FieldInvalidError("1 to 20 digits are needed", "digits")
        arrival = self._asked.get((owner, call)) or await self._arrived(owner, call)
        number = known_number(self._directory, owner.account_id, arrival.number)
        self._notes.add(_Note(owner, arrival, number, digits))
        said = number.extension(digits)
        plan = flow.resolve(said.flow if said else number.flow, number.number)
        return replace(plan, cacheable=False)

    async def _arrived(self, owner: TokenOwner, call: str) -> Arrival:
        """An arrival from before a restart."""
        gateway = GatewayKind(owner.kind.value)
        record = await self._store.call(owner.account_id, gateway, call)
        if record is None:
            raise CallUnknownError("no such call", "call")
        return Arrival(call, record.number, record.caller, record.started_at)

    async def settle(self) -> None:
        """Wait until the arrivals so far are noted."""
        await self._notes.settle()


class _Asked:
    """The newest calls whose callers were asked for digits."""

    def __init__(self) -> None:
        self._arrivals: OrderedDict[tuple[TokenOwner, str], Arrival] = OrderedDict()

    def keep(self, call: tuple[TokenOwner, str], arrival: Arrival) -> None:
        self._arrivals[call] = arrival
        if len(self._arrivals) > _MOST_WAITING:
            self._arrivals.popitem(last=False)

    def get(self, call: tuple[TokenOwner, str]) -> Arrival | None:
        return self._arrivals.get(call)


@dataclass(frozen=True, slots=True)
class _Note:
    owner: TokenOwner
    arrival: Arrival
    number: TrackingNumber
    digits: str | None = None


class _ArrivalNotes:
    """Arrivals on their way into the store, by one worker that lives while there are any.

    When too many wait, the newest are let go.
    """

    def __init__(self, store: Store, directory: Directory) -> None:
        self._store = store
        self._directory = directory
        self._waiting: deque[_Note] = deque()
        self._lost = 0
        self._hurry = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    def add(self, note: _Note) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self._lost += 1
            return
        self._waiting.append(note)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())

    async def settle(self) -> None:
        self._hurry.set()
        while self._worker is not None:
            await self._worker
        self._hurry.clear()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                began = loop.time()
                some = [self._waiting.popleft()
                        for _ in range(min(_NOTES_AT_ONCE, len(self._waiting)))]  # fmt: skip
                noted = await asyncio.gather(*(self._note(one) for one in some))
                self._lost += noted.count(False)
                if self._waiting:
                    worked = loop.time() - began
                    await self._pause(min(_PAUSE_TO_WORK * worked, _LONGEST_PAUSE_SECONDS))
        finally:
            self._worker = None
            if self._lost:
                log.warning("arrivals_not_noted count=%d", self._lost)
                self._lost = 0

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), seconds)

    async def _note(self, note: _Note) -> bool:
        owner, arrival, number = note.owner, note.arrival, note.number
        try:
            caller = readable_caller(self._directory, owner.account_id, arrival.caller)
            attribution = await attribute_call(
                self._store, self._directory, number, caller, arrival.started_at, note.digits
            )
            await self._store.submit(
                NoteArrival(
                    account_id=owner.account_id,
                    gateway=GatewayKind(owner.kind.value),
                    call=arrival.call,
                    number=number.number,
                    caller=caller,
                    started_at=arrival.started_at,
                    attribution=attribution,
                    digits=note.digits,
                )
            )
        except RefusedError:
            return False
        return True


def known_number(directory: Directory, account_id: int, dialled: str) -> TrackingNumber:
    """The account's number. Raises NumberUnknownError.

    Another account's is unknown, and so is what is no telephone number: somebody dialled it, and
    a gateway that is told so refuses the call instead of thinking us away.
    """
    try:
        number = directory.number(account_id, dialled)
    except NumberInvalidError:
        number = None
    if number is None:
        raise NumberUnknownError("no such tracking number", "number")
    return number


def refuse_implausible(started_at: int, now: int) -> None:
    """A call began in this century and not tomorrow. Raises FieldInvalidError: `started_at`."""
    if not _FIRST_MOMENT <= started_at <= now + _DAY_MS:
        raise FieldInvalidError("a moment from 2000 to now is needed", "started_at")


def readable_caller(directory: Directory, account_id: int, caller: str | None) -> str | None:
    """The caller in E.164 where it can be read as a number, as delivered where it cannot."""
    if not caller:
        return None
    account = directory.account(account_id)
    try:
        return normalise(caller, account.region if account else None)
    except NumberInvalidError:
        return caller[:64]
