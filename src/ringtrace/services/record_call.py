"""A gateway reports how a call went."""

import logging
from dataclasses import replace

from ringtrace.domain.account import TokenOwner
from ringtrace.domain.call import GatewayKind, MergeResult, Outcome, Report
from ringtrace.domain.number import TrackingNumber
from ringtrace.domain.screening import Passage, PastCall, passage
from ringtrace.services.arrival import (
    call_id_is_valid,
    known_number,
    readable_caller,
    refuse_implausible,
)
from ringtrace.services.attribute_call import attribute_and_prove
from ringtrace.services.commands import KeepReport
from ringtrace.services.directory import Directory
from ringtrace.services.errors import (
    FieldInvalidError,
    RefusedError,
    ReportContradictsError,
)
from ringtrace.services.ports import Clock, Store
from ringtrace.services.watch_callers import CallerWatch, CallKey

log = logging.getLogger(__name__)


class RecordCall:
    def __init__(
        self, store: Store, directory: Directory, watch: CallerWatch, clock: Clock
    ) -> None:
        self._store = store
        self._watch = watch
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
        key = (owner.account_id, GatewayKind(owner.kind.value), call)
        report = replace(report, number=number.number, caller=caller, digits=digits)
        result = await self._store.submit(
            KeepReport(
                account_id=owner.account_id,
                gateway=key[1],
                call=call,
                report=report,
                attribution=attribution,
                received_at=self._clock(),
                proof=proof,
                finding=self._watch.finding(key),
            )
        )
        if result is MergeResult.CONTRADICTS:
            raise ReportContradictsError("an earlier report of this call says otherwise; both kept")
        await self._remember(key, report, result)
        return result

    async def _remember(self, key: CallKey, report: Report, result: MergeResult) -> None:
        """What the call says of its caller, for his next one; the report itself is kept already."""
        if report.caller is None:
            return
        finding = self._watch.finding(key)
        came = passage(finding.rule, report) if finding else None
        try:
            if result is MergeResult.CREATED:
                self._watch.note(key, report.caller, _past(report, came))
            elif result is MergeResult.UPDATED:
                await self._watch.renew(key[0], report.caller, self._clock())
            if came is Passage.PASSED:
                # The store trusts him from this report on.
                await self._directory.refresh()
        except RefusedError:
            log.warning("caller_not_remembered account=%d", key[0])

    async def _keyed(
        self, owner: TokenOwner, number: TrackingNumber, call: str, at: int
    ) -> str | None:
        """What the gateway said while the call rang, should its report have forgotten it."""
        if self._directory.ask(number, at) is None:
            return None
        record = await self._store.call(owner.account_id, GatewayKind(owner.kind.value), call)
        return record.digits if record else None


def _past(report: Report, came: Passage | None) -> PastCall:
    return PastCall(
        number=report.number,
        at=report.started_at,
        talk_seconds=report.talk_seconds if report.outcome is Outcome.ANSWERED else None,
        kept_silent=came in {Passage.FAILED, Passage.LEFT},
    )
