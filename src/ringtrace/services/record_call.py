"""A gateway reports how a call went."""

import logging
from dataclasses import replace

from ringtrace.domain.account import TokenOwner
from ringtrace.domain.attribution import Attribution, to_nothing
from ringtrace.domain.call import GatewayKind, MergeResult, Outcome, Report
from ringtrace.domain.flow import Flow
from ringtrace.domain.notice import read_recipient_address, recipient_id
from ringtrace.domain.number import TrackingNumber
from ringtrace.domain.proof import Proof
from ringtrace.domain.screening import Passage, PastCall, Rule, is_spam, passage
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
    VisitsArchivedError,
)
from ringtrace.services.neighbours import CallKey
from ringtrace.services.ports import Clock, Store
from ringtrace.services.prepare_notices import Ended, PrepareNotices
from ringtrace.services.watch_callers import CallerWatch

log = logging.getLogger(__name__)


class RecordCall:
    def __init__(
        self,
        store: Store,
        directory: Directory,
        watch: CallerWatch,
        clock: Clock,
        notices: PrepareNotices,
    ) -> None:
        self._store = store
        self._watch = watch
        self._directory = directory
        self._clock = clock
        self._notices = notices

    async def __call__(self, owner: TokenOwner, call: str, report: Report) -> MergeResult:
        """Durable when it returns. Raises a RefusedError, ReportContradictsError among them."""
        if not call_id_is_valid(call):
            raise FieldInvalidError("1 to 128 of A-Z a-z 0-9 . _ : @ - are needed", "call")
        refuse_implausible(report.started_at, self._clock())
        number = known_number(self._directory, owner.account_id, report.number)
        caller = readable_caller(self._directory, owner.account_id, report.caller)
        digits = report.digits or await self._keyed(owner, number, call, report.started_at)
        key = (owner.account_id, GatewayKind(owner.kind.value), call)
        report = replace(report, number=number.number, caller=caller, digits=digits)
        attribution, proof = await self._attributed(key, number, report)
        received_at = self._clock()
        named = await self._named(key, report)
        as_spam = await self._is_spam(key, report)
        result = await self._store.submit(
            KeepReport(
                account_id=owner.account_id,
                gateway=key[1],
                call=call,
                report=report,
                attribution=attribution,
                received_at=received_at,
                proof=proof,
                finding=self._watch.finding(key),
                notices=self._notices(Ended(*key, report, received_at, named, as_spam)),
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

    async def _attributed(
        self, key: CallKey, number: TrackingNumber, report: Report
    ) -> tuple[Attribution, Proof | None]:
        """Where the visits of then cannot be asked any more a known call stays as it is."""
        try:
            return await attribute_and_prove(
                self._store, self._directory, number, report.caller, report.started_at,
                report.digits,
            )  # fmt: skip
        except VisitsArchivedError:
            record = await self._store.call(*key)
            return record.attribution if record else to_nothing(), None

    async def _named(self, key: CallKey, report: Report) -> frozenset[str]:
        """Whom the flow that the call ran tells of its message."""
        if report.outcome is not Outcome.VOICEMAIL:
            return frozenset()
        flow = await self._ran(key, report)
        told = map(read_recipient_address, flow.notified_of(report.box))
        return frozenset(recipient_id(address) for address in told)

    async def _is_spam(self, key: CallKey, report: Report) -> bool:
        """Whether it is told of as spam: who was let through is not, whatever was suspected."""
        if report.legs or report.outcome not in {Outcome.REJECTED, Outcome.ABANDONED}:
            return False
        rule = await self._rule(key)
        return rule is not None and is_spam(rule, passage(rule, report), None)

    async def _rule(self, key: CallKey) -> Rule | None:
        """That which acted on the call; another server, or one before this, may have routed it."""
        finding = self._watch.finding(key)
        if finding is not None:
            return finding.rule
        record = await self._store.call(*key)
        return record.screening.rule if record and record.screening else None

    async def _ran(self, key: CallKey, report: Report) -> Flow:
        """The version that the call was routed by; where nobody says which, the newest.

        The gateway knows best: it may have followed a plan that it kept, of an older version.
        """
        number = known_number(self._directory, key[0], report.number)
        record = None if report.flow else await self._store.call(*key)
        label = report.flow or (record.flow if record else None)
        if label is None or label == number.flow_label:
            return number.flow
        name, _, version = label.rpartition(" ")
        kept = await self._store.flow(key[0], name, int(version))
        return kept.flow if kept else number.flow

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
