"""A business says which sites, numbers and pools it has."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from msgspec import to_builtins
from msgspec.structs import replace

from ringtrace.domain.account import Account
from ringtrace.domain.fault import Fault, Severity
from ringtrace.domain.flow import Flow, FlowInvalidError, read_flow
from ringtrace.domain.number import NumberKind, TrackingNumber, is_region
from ringtrace.domain.screening import SpamRules, rule_faults
from ringtrace.domain.validation import faults
from ringtrace.services.commands import ApplySetup
from ringtrace.services.directory import Directory
from ringtrace.services.errors import FieldInvalidError
from ringtrace.services.name_recipients import MayAsk, named_recipients, recipient_warnings
from ringtrace.services.ports import Clock, Store
from ringtrace.services.setup_form import SetupForm, SpamForm
from ringtrace.services.setup_reader import SetupReader

_POOR_CANARY: Final = (
    "it was a static number: who kept it goes on calling it, so its calls count as noise only in a"
    " year, and customers may still be among them; a number that was never published is better"
)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch


class ApplyTheSetup:
    """`may_ask`: a webhook may lead to that host; `has_mail`: the server can send mail.

    `public_url` is where people reach it, if it knows.
    """

    def __init__(
        self,
        store: Store,
        directory: Directory,
        clock: Clock,
        *,
        may_ask: MayAsk,
        has_mail: bool = False,
        public_url: str | None = None,
    ) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock
        self._may_ask = may_ask
        self._has_mail = has_mail
        self._public_url = public_url

    async def __call__(
        self, account_id: int, form: SetupForm, made_by: str | None = None
    ) -> Sequence[Fault]:
        """All or nothing; answers what may not be meant so.

        `made_by` is the user's login, None through the API. Raises FieldInvalidError with the
        field's path, NumberTakenError.
        """
        account = self._account(account_id, form)
        flows = self._flows(account_id, form)
        reader = SetupReader(account, flows)
        sites = tuple(reader.site(f"site[{i}]", one) for i, one in enumerate(form.site))
        statics = [reader.static(f"number[{i}]", one) for i, one in enumerate(form.number)]
        pools = {
            i: reader.pool(f"site[{i}].pool", one.key, one.pool)
            for i, one in enumerate(form.site)
            if one.pool is not None
        }
        numbers = [*statics, *chain.from_iterable(pools.values())]
        _refuse_repeats([one.number for one in numbers])
        named = tuple(flows[one["name"]] for one in form.flow)
        warnings = [
            *self._refuse_faults(account_id, named, numbers),
            *self._published_canaries(account_id, pools),
        ]
        known = {one.recipient_id: one for one in self._directory.recipients_of(account_id)}
        by_flows = [(f"flow[{i}]", one) for i, flow in enumerate(named) for one in flow.notified]
        recipients = named_recipients(account_id, form.recipient, by_flows, known, self._may_ask)
        await self._store.submit(
            ApplySetup(
                account_id=account_id,
                account=account,
                sites=sites,
                numbers=tuple(numbers),
                at=self._clock(),
                flows=named,
                recipients=recipients,
                spam_rules=None if form.spam is None else self._rules(account_id, form.spam),
                made_by=made_by,
            )
        )
        await self._directory.refresh()
        return [
            *warnings,
            *recipient_warnings(recipients, has_mail=self._has_mail, public_url=self._public_url),
        ]

    def _rules(self, account_id: int, form: SpamForm) -> SpamRules:
        given = {name: value for name, value in to_builtins(form).items() if value is not None}
        rules = replace(self._directory.spam_rules(account_id), **given)
        for fault in rule_faults(rules):
            raise FieldInvalidError(fault.message, f"spam.{fault.path}")
        return rules

    def _flows(self, account_id: int, form: SetupForm) -> dict[str, Flow]:
        """The account's flows by name, as they will be."""
        flows = {one.name: one.flow for one in self._directory.flows_of(account_id)}
        seen: set[str] = set()
        for i, document in enumerate(form.flow):
            try:
                flow = read_flow(document)
            except FlowInvalidError as error:
                raise FieldInvalidError(error.message, f"flow[{i}].{error.path}") from error
            if not _NAME(flow.name):
                raise FieldInvalidError("1 to 64 of A-Z a-z 0-9 _ - are needed", f"flow[{i}].name")
            if flow.name in seen:
                raise FieldInvalidError(f"{flow.name} is named twice", f"flow[{i}].name")
            seen.add(flow.name)
            flows[flow.name] = flow
        return flows

    def _refuse_faults(
        self, account_id: int, named: tuple[Flow, ...], numbers: list[TrackingNumber]
    ) -> Sequence[Fault]:
        """A tracking number that forwards to one of ours would call us for ever."""
        warnings: list[Fault] = []
        after = {one.number: one for one in self._directory.numbers_of(account_id)}
        after.update({one.number: one for one in numbers})
        gateways = self._directory.gateways(account_id)
        sounds = {one.name for one in self._directory.sounds_of(account_id)}
        for i, flow in enumerate(named):
            for fault in faults(flow, after.keys(), gateways, sounds):
                if fault.severity is Severity.ERROR:
                    raise FieldInvalidError(fault.message, f"flow[{i}].{fault.path}")
                warnings.append(fault.under(f"flow[{i}]"))
        newest = {flow.name: flow for flow in named}
        for one in after.values():
            own = newest.get(one.flow_name or "", one.flow)
            flows = (own, *(code.flow for code in one.extensions if code.flow is not None))
            for target in (target for flow in flows for target in flow.targets):
                if target.to in after:
                    raise FieldInvalidError(f"{target.to} is itself a tracking number", "target")
        return warnings

    def _published_canaries(
        self, account_id: int, pools: Mapping[int, Sequence[TrackingNumber]]
    ) -> Iterator[Fault]:
        """`pools` are by the place of their site in the document."""
        known = self._directory.numbers_of(account_id)
        static = {one.number for one in known if one.kind is NumberKind.STATIC}
        for i, pool in pools.items():
            canaries = (one.number for one in pool if one.kind is NumberKind.CANARY)
            for j, canary in enumerate(canaries):
                if canary in static:
                    path = f"site[{i}].pool.canaries[{j}]"
                    yield Fault(path, _POOR_CANARY, Severity.WARNING)

    def _account(self, account_id: int, form: SetupForm) -> Account:
        known = self._directory.account(account_id)
        if form.account is None:
            assert known is not None  # noqa: S101 - a token of the account brought us here
            return known
        if not form.account.name.strip():
            raise FieldInvalidError("a name is needed", "account.name")
        region = form.account.region.upper()
        if not is_region(region):
            raise FieldInvalidError("two letters of a country are needed", "account.region")
        return Account(account_id, form.account.name.strip(), region)


def _refuse_repeats(numbers: list[str]) -> None:
    seen: set[str] = set()
    for number in numbers:
        if number in seen:
            raise FieldInvalidError(f"{number} is named twice", "number")
        seen.add(number)
