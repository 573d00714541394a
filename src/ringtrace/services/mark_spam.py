"""A user says of a call whether it is spam, and takes that back."""

from dataclasses import dataclass

from ringtrace.domain.blocklist import Treatment
from ringtrace.domain.call import GatewayKind
from ringtrace.domain.flow import is_phone
from ringtrace.services.call_records import CallRecord
from ringtrace.services.commands import MarkSpam
from ringtrace.services.errors import FieldInvalidError, NotFoundError
from ringtrace.services.list_callers import KeepTheList, Wanted
from ringtrace.services.ports import Clock, Store
from ringtrace.services.watch_callers import CallerWatch


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call is `spam` (None: nobody says so any more), or `every` call of its caller.

    The caller is listed for `treatment` as well, where there is one.
    """

    spam: bool | None
    every: bool = False
    treatment: Treatment | None = None


class MarkTheSpam:
    def __init__(
        self, store: Store, keep_list: KeepTheList, watch: CallerWatch, clock: Clock
    ) -> None:
        self._store = store
        self._keep_list = keep_list
        self._watch = watch
        self._clock = clock

    async def __call__(
        self,
        account_id: int,
        gateway: GatewayKind,
        call: str,
        verdict: Verdict,
        marked_by: str | None,
    ) -> None:
        """`marked_by` is the user's login, None through the API.

        Raises NotFoundError and FieldInvalidError: a caller that cannot be named.
        """
        record = await self._store.call(account_id, gateway, call)
        if record is None:
            raise NotFoundError("no such call", "call")
        caller = _named(record, verdict)
        now = self._clock()
        await self._store.submit(
            MarkSpam(account_id, gateway, call, verdict.spam, verdict.every, now, marked_by)
        )
        if record.caller is not None:
            await self._watch.renew(account_id, record.caller, now)
        if caller is None:
            return
        if verdict.treatment is not None:
            await self._keep_list.add(account_id, [Wanted(caller, verdict.treatment)], marked_by)
        elif verdict.spam:
            await self._keep_list.distrust(account_id, caller, marked_by)


def _named(record: CallRecord, verdict: Verdict) -> str | None:
    """The caller, who must be a number to be listed, and known for all of his calls to be."""
    caller = record.caller
    if verdict.every and caller is None:
        raise FieldInvalidError("the caller withheld his number", "every")
    if verdict.treatment is not None and (caller is None or not is_phone(caller)):
        raise FieldInvalidError("the caller showed no telephone number", "caller")
    return caller
