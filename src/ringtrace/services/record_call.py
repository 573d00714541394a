"""A gateway reports how a call went."""

from dataclasses import replace

from ringtrace.domain.account import TokenOwner
from ringtrace.domain.call import GatewayKind, MergeResult, Report
from ringtrace.domain.number import TrackingNumber
from ringtrace.services.arrival import (
    call_id_is_valid,
    known_number,
    readable_caller,
    refuse_implausible,
)
from ringtrace.services.attribute_call import attribute_and_prove
from ringtrace.services.commands import KeepReport
from ringtrace.services.directory import Directory
from ringtrace.services.errors import FieldInvalidError, ReportContradictsError
from ringtrace.services.ports import Clock, Store


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
        digits = report.digits or await self._keyed(owner, number, call, report.started_at)
        attribution, proof = await attribute_and_prove(
            self._store, self._directory, number, caller, report.started_at, digits
        )
        result = await self._store.submit(
            KeepReport(
                account_id=owner.account_id,
                gateway=GatewayKind(owner.kind.value),
                call=call,
                report=replace(
                    report,
                    number=number.number,
                    caller=caller,
                    digits=digits,
                ),
                attribution=attribution,
                received_at=self._clock(),
                proof=proof,
            )
        )
        if result is MergeResult.CONTRADICTS:
            raise ReportContradictsError("an earlier report of this call says otherwise; both kept")
        return result

    async def _keyed(
        self, owner: TokenOwner, number: TrackingNumber, call: str, at: int
    ) -> str | None:
        """What the gateway said while the call rang, should its report have forgotten it."""
        if self._directory.ask(number, at) is None:
            return None
        record = await self._store.call(owner.account_id, GatewayKind(owner.kind.value), call)
        return record.digits if record else None
