"""A gateway asks what to do with a call that is ringing."""

import re
from collections import OrderedDict
from collections.abc import Callable

from msgspec.structs import replace

from ringtrace.domain.account import TokenOwner
from ringtrace.domain.call import GatewayKind
from ringtrace.domain.circumstances import Circumstances
from ringtrace.domain.gate import guarded
from ringtrace.domain.number import TrackingNumber
from ringtrace.domain.plan import Plan
from ringtrace.domain.resolve import resolve, resume
from ringtrace.domain.screening import Finding, Rule
from ringtrace.services.arrival import (
    Arrival,
    call_id_is_valid,
    known_number,
    readable_caller,
    refuse_implausible,
)
from ringtrace.services.directory import Directory
from ringtrace.services.errors import CallUnknownError, FieldInvalidError, NumberUnknownError
from ringtrace.services.keep_sound import SoundLinks
from ringtrace.services.know_call import KnowCall
from ringtrace.services.neighbours import NOBODY, CallerAsked, Neighbours, TurnTaken
from ringtrace.services.note_arrivals import ArrivalNotes, Note
from ringtrace.services.ports import Clock, Store
from ringtrace.services.screen_caller import ScreenCaller
from ringtrace.services.watch_callers import CallerWatch

_MOST_ASKED = 10_000
_KEYS = re.compile(r"[0-9]{1,20}").fullmatch


class RouteCall:
    """`draw` gives a number from 0 to 1, for weighted targets."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        watch: CallerWatch,
        clock: Clock,
        links: SoundLinks,
        draw: Callable[[], float],
        neighbours: Neighbours = NOBODY,
    ) -> None:
        self._store = store
        self._watch = watch
        self._screen = ScreenCaller(directory, watch)
        self._directory = directory
        self._clock = clock
        self._neighbours = neighbours
        self._notes = ArrivalNotes(store, directory)
        self._asked = _Asked()
        self._know = KnowCall(store, directory, links, draw, neighbours)

    async def __call__(self, owner: TokenOwner, arrival: Arrival) -> Plan:
        """The plan, from memory: a caller is waiting.

        Only what the flow asks of the visit or of the caller's history is looked up, and counts as
        unknown when that takes too long. A suspect has to press a key before he is put through.
        The arrival is noted in the background, because the report makes up for a lost note.
        Raises FieldInvalidError and NumberUnknownError.
        """
        if not call_id_is_valid(arrival.call):
            raise FieldInvalidError("1 to 128 of A-Z a-z 0-9 . _ : @ - are needed", "call")
        refuse_implausible(arrival.started_at, self._clock())
        number = known_number(self._directory, owner.account_id, arrival.number)
        if not number.active:
            raise NumberUnknownError("the tracking number is switched off", "number")
        caller = readable_caller(self._directory, owner.account_id, arrival.caller)
        key = (owner.account_id, GatewayKind(owner.kind.value), arrival.call)
        finding = self._screen(key, caller, number.number, arrival.started_at)
        resolved = resolve(number.flow, await self._known(owner, arrival, number, caller, finding))
        plan = replace(resolved, flow=number.flow_label, revision=number.revision)
        after_gate = guarded(plan, finding, self._directory.language(number))
        acted = None if after_gate is plan else finding
        if acted is not None:
            self._watch.acted(key, acted)
        self._notes.add(Note(owner, arrival, caller, number, finding=acted))
        return after_gate

    async def _known(
        self,
        owner: TokenOwner,
        arrival: Arrival,
        number: TrackingNumber,
        caller: str | None,
        finding: Finding | None,
    ) -> Circumstances:
        if finding is not None and finding.rule is Rule.BLOCKED:
            # Nothing of the flow will happen, so nothing is looked up and no turn is taken.
            return Circumstances(number.number, arrival.started_at, caller)
        ask = self._directory.ask(number, self._clock())
        if ask is not None:
            self._asked.keep((owner, arrival.call), arrival)
            said = CallerAsked(
                owner, arrival.call, arrival.number, arrival.caller, arrival.started_at
            )
            self._neighbours.tell(said)
        return await self._know(number, arrival.started_at, caller, number.flow, ask)

    async def keyed(self, owner: TokenOwner, call: str, digits: str) -> Plan:
        """The caller of a call that was asked for an extension keyed `digits`.

        An extension may lead elsewhere; with wrong digits the call goes where the number leads.
        Raises FieldInvalidError, CallUnknownError, NumberUnknownError, StoreAwayError.
        """
        if not _KEYS(digits):
            raise FieldInvalidError("1 to 20 digits are needed", "digits")
        arrival = self._asked.get((owner, call)) or await self._arrived(owner, call)
        number = known_number(self._directory, owner.account_id, arrival.number)
        caller = readable_caller(self._directory, owner.account_id, arrival.caller)
        self._notes.add(Note(owner, arrival, caller, number, digits))
        said = number.extension(digits)
        flow = number.flow_of(said)
        known = await self._know(number, arrival.started_at, caller, flow, None, digits)
        return replace(resume(flow, known), flow=number.label_of(said))

    def hear_asked(self, asked: CallerAsked) -> None:
        arrival = Arrival(asked.call, asked.number, asked.caller, asked.started_at)
        self._asked.keep((asked.owner, asked.call), arrival)

    def hear_turn(self, taken: TurnTaken) -> None:
        self._know.hear_turn(taken)

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
        if len(self._arrivals) > _MOST_ASKED:
            self._arrivals.popitem(last=False)

    def get(self, call: tuple[TokenOwner, str]) -> Arrival | None:
        return self._arrivals.get(call)
