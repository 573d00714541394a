"""A user knows whose call it was."""

from ringtrace.domain.call import GatewayKind
from ringtrace.services.arrival import known_number
from ringtrace.services.attribute_call import attribute_record
from ringtrace.services.commands import KeepCorrection, TakeBackCorrection
from ringtrace.services.directory import Directory
from ringtrace.services.errors import NotFoundError
from ringtrace.services.ports import Clock, Store


class CorrectCall:
    def __init__(self, store: Store, directory: Directory, clock: Clock) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock

    async def __call__(
        self,
        account_id: int,
        gateway: GatewayKind,
        call: str,
        visit_id: str | None,
        made_by: str | None,
    ) -> None:
        """`visit_id` called, None: none of the visits; a later report does not change it.

        `made_by` is the user's login, None through the API. Raises NotFoundError (call, visit_id)
        and FieldInvalidError: a visit that was not shown the number, a call to a static one.
        """
        await self._store.submit(
            KeepCorrection(account_id, gateway, call, visit_id, self._clock(), made_by)
        )

    async def take_back(self, account_id: int, gateway: GatewayKind, call: str) -> None:
        """The engine decides again, as of the call's time. Raises NotFoundError.

        Raises VisitsArchivedError when the visits of then are not all there any more.
        """
        record = await self._store.call(account_id, gateway, call)
        if record is None:
            raise NotFoundError("no such call", "call")
        number = known_number(self._directory, account_id, record.number)
        attribution = await attribute_record(self._store, self._directory, number, record)
        await self._store.submit(TakeBackCorrection(account_id, gateway, call, attribution))
