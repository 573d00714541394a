"""A gateway reports how a call went."""

from dataclasses import replace

from ringtrace.domain.account import TokenOwner
from ringtrace.domain.call import GatewayKind, MergeResult, Report
from ringtrace.services.attribute_call import attribute_call
from ringtrace.services.commands import KeepReport
from ringtrace.services.directory import Directory
from ringtrace.services.errors import FieldInvalidError, ReportContradictsError
from ringtrace.services.ports import Clock, Store
from ringtrace.services.route_call import (
    call_id_is_valid,
    known_number,
    readable_caller,
    refuse_implausible,
)


class RecordCall:
    def __init__(self, store: Store, directory: Directory, clock: Clock) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock

    async def __call__(self, owner: TokenOwner, call: str, report: Report) -> MergeResult:
        """Durable when it returns. Raises a RefusedError, ReportContradictsError among them."""
        if not call_id_is_valid(call):
            raise FieldInvalidError("1 to 128 of A-Z a-z 0-9 . _ : @ - are needed", "call")
        refuse_implausible(report.started_at, self._clock())
        number = known_number(self._directory, owner.account_id, report.number)
        caller = readable_caller(self._directory, owner.account_id, report.caller)
        result = await self._store.submit(
            KeepReport(
                account_id=owner.account_id,
                gateway=GatewayKind(owner.kind.value),
                call=call,
                report=replace(
                    report,
                    number=number.number,
                    caller=caller,
                ),
                attribution=await attribute_call(
                    self._store, self._directory, number, caller, report.started_at
                ),
                received_at=self._clock(),
            )
        )
        if result is MergeResult.CONTRADICTS:
            raise ReportContradictsError("an earlier report of this call says otherwise; both kept")
        return result
