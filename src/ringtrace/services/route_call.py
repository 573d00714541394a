"""A gateway asks what to do with a call that is ringing."""

import asyncio
import logging
import re
from dataclasses import dataclass

from ringtrace.domain import flow
from ringtrace.domain.account import TokenOwner
from ringtrace.domain.call import GatewayKind
from ringtrace.domain.flow import Plan
from ringtrace.domain.number import NumberInvalidError, TrackingNumber, normalise
from ringtrace.services.attribute_call import attribute_call
from ringtrace.services.commands import NoteArrival
from ringtrace.services.directory import Directory
from ringtrace.services.errors import FieldInvalidError, NumberUnknownError, RefusedError
from ringtrace.services.ports import Store

log = logging.getLogger(__name__)

call_id_is_valid = re.compile(r"[A-Za-z0-9._:@-]{1,128}").fullmatch


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call as the gateway sees it come; `started_at` is ms since 1970 UTC."""

    call: str
    number: str
    caller: str | None
    started_at: int


class RouteCall:
    def __init__(self, store: Store, directory: Directory) -> None:
        self._store = store
        self._directory = directory
        self._notes: set[asyncio.Task[None]] = set()

    def __call__(self, owner: TokenOwner, arrival: Arrival) -> Plan:
        """The plan, from memory alone: a caller is waiting.

        The arrival is noted in the background, because the report makes up for a lost note.
        Raises FieldInvalidError and NumberUnknownError.
        """
        if not call_id_is_valid(arrival.call):
            raise FieldInvalidError("1 to 128 of A-Z a-z 0-9 . _ : @ - are needed", "call")
        number = known_number(self._directory, owner.account_id, arrival.number)
        if not number.active:
            raise NumberUnknownError("the tracking number is switched off", "number")
        note = asyncio.create_task(self._note(owner, arrival, number))
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)
        return flow.resolve(number.flow, number.number)

    async def settle(self) -> None:
        """Wait until the arrivals so far are noted."""
        await asyncio.gather(*self._notes)

    async def _note(self, owner: TokenOwner, arrival: Arrival, number: TrackingNumber) -> None:
        try:
            attribution = await attribute_call(self._store, number, arrival.started_at)
            await self._store.submit(
                NoteArrival(
                    account_id=owner.account_id,
                    gateway=GatewayKind(owner.kind.value),
                    call=arrival.call,
                    number=number.number,
                    caller=readable_caller(self._directory, owner.account_id, arrival.caller),
                    started_at=arrival.started_at,
                    attribution=attribution,
                )
            )
        except RefusedError as error:
            log.warning("arrival_not_noted error_id=%s", error.error_id)


def known_number(directory: Directory, account_id: int, dialled: str) -> TrackingNumber:
    """The account's number; another account's is unknown. Raises a RefusedError naming `number`."""
    try:
        number = directory.number(account_id, dialled)
    except NumberInvalidError as error:
        raise FieldInvalidError(str(error), "number") from error
    if number is None:
        raise NumberUnknownError("no such tracking number", "number")
    return number


def readable_caller(directory: Directory, account_id: int, caller: str | None) -> str | None:
    """The caller in E.164 where it can be read as a number, as delivered where it cannot."""
    if not caller:
        return None
    account = directory.account(account_id)
    try:
        return normalise(caller, account.region if account else None)
    except NumberInvalidError:
        return caller[:64]
