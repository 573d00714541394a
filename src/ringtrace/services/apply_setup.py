"""A business says which sites, numbers and pools it has."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from msgspec import to_builtins
from msgspec.structs import replace

from ringtrace.domain.account import Account
from ringtrace.domain.extension import THRESHOLDS, Extension, check_digit, is_code
from ringtrace.domain.fault import Fault, Severity
from ringtrace.domain.flow import (
    DEFAULT_RING_SECONDS,
    Flow,
    FlowInvalidError,
    is_target,
    read_flow,
)
from ringtrace.domain.number import (
    NumberInvalidError,
    NumberKind,
    TrackingNumber,
    is_region,
    normalise,
)
from ringtrace.domain.screening import SpamRules, rule_faults
from ringtrace.domain.site import Site
from ringtrace.domain.source import Source
from ringtrace.domain.validation import MOST_TARGETS, faults
from ringtrace.services.commands import ApplySetup
from ringtrace.services.directory import Directory
from ringtrace.services.errors import FieldInvalidError
from ringtrace.services.name_recipients import MayAsk, named_recipients, recipient_warnings
from ringtrace.services.ports import Clock, Store
from ringtrace.services.setup_form import (
    ExtensionForm,
    NumberForm,
    PoolForm,
    SetupForm,
    SiteForm,
    SpamForm,
)

_POOR_CANARY: Final = (
    "it was a static number: who kept it goes on calling it, so its calls count as noise only in a"
    " year, and customers may still be among them; a number that was never published is better"
)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch
_SITE_KEY = re.compile(r"[A-Za-z0-9_-]{3,64}").fullmatch


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
        reader = _Reader(account, flows)
        sites = tuple(reader.site(f"site[{i}]", one) for i, one in enumerate(form.site))
        numbers = [reader.static(f"number[{i}]", one) for i, one in enumerate(form.number)]
        for i, one in enumerate(form.site):
            if one.pool is not None:
                numbers += reader.pool(f"site[{i}].pool", one.key, one.pool)
        _refuse_repeats([one.number for one in numbers])
        named = tuple(flows[one["name"]] for one in form.flow)
        warnings = [
            *self._refuse_faults(account_id, named, numbers),
            *self._published_canaries(account, form),
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

    def _published_canaries(self, account: Account, form: SetupForm) -> Iterator[Fault]:
        known = self._directory.numbers_of(account.account_id)
        static = {one.number for one in known if one.kind is NumberKind.STATIC}
        for i, site in enumerate(form.site):
            for j, said in enumerate(site.pool.canaries if site.pool else ()):
                if normalise(said, account.region) in static:
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


class _Reader:
    def __init__(self, account: Account, flows: Mapping[str, Flow]) -> None:
        self._account = account
        self._flows = flows

    def site(self, path: str, form: SiteForm) -> Site:
        if not _SITE_KEY(form.key):
            raise FieldInvalidError("3 to 64 of A-Z a-z 0-9 _ - are needed", f"{path}.key")
        return Site(
            account_id=self._account.account_id,
            key=form.key,
            name=form.name,
            origins=tuple(_origin(f"{path}.origins[{i}]", o) for i, o in enumerate(form.origins)),
            swap=tuple(self._number(f"{path}.swap[{i}]", n) for i, n in enumerate(form.swap)),
            extensions_above=_threshold(f"{path}.extensions_above", form.extensions_above),
        )

    def static(self, path: str, form: NumberForm) -> TrackingNumber:
        if not form.channel.strip():
            raise FieldInvalidError("a channel is needed", f"{path}.channel")
        flow = self._flow(path, form)
        extensions = tuple(
            self._extension(f"{path}.extension[{i}]", one, form)
            for i, one in enumerate(form.extension)
        )
        if len({one.code for one in extensions}) < len(extensions):
            raise FieldInvalidError("a code is named twice", f"{path}.extension")
        return TrackingNumber(
            account_id=self._account.account_id,
            number=self._number(f"{path}.number", form.number),
            kind=NumberKind.STATIC,
            name=form.name or form.channel,
            flow=flow,
            site_key=None,
            source=_source(form),
            active=form.active,
            extensions=extensions,
            flow_name=form.flow,
        )

    def _extension(self, path: str, form: ExtensionForm, number: NumberForm) -> Extension:
        if not form.channel.strip():
            raise FieldInvalidError("a channel is needed", f"{path}.channel")
        flow = None
        if form.target is not None:
            flow = self._ringing(path, form.target, number)
            named = self._flows.get(number.flow or "")
            if named is not None:
                flow = replace(flow, record=named.record, max_seconds=named.max_seconds)
        return Extension(
            code=_code(f"{path}.code", form.code),
            name=form.name or form.channel,
            source=_source(form),
            flow=flow,
        )

    def pool(self, path: str, site_key: str, form: PoolForm) -> list[TrackingNumber]:
        flow = self._flow(path, form)
        return [
            TrackingNumber(
                account_id=self._account.account_id,
                number=self._number(f"{path}.{field}[{i}]", number),
                kind=kind,
                name=f"{name} {i + 1}",
                flow=flow,
                site_key=site_key,
                source=None,
                active=form.active,
                flow_name=form.flow,
            )
            for field, kind, name, numbers in (
                ("numbers", NumberKind.POOL, site_key, form.numbers),
                ("canaries", NumberKind.CANARY, f"{site_key} canary", form.canaries),
            )
            for i, number in enumerate(numbers)
        ]

    def _flow(self, path: str, form: NumberForm | PoolForm) -> Flow:
        """The flow that is named, or one that rings the targets."""
        if form.flow is None:
            return self._ringing(path, form.target or [], form)
        for name in ("target", "ring_seconds", "record"):
            if getattr(form, name) is not None:
                raise FieldInvalidError("the flow says that itself", f"{path}.{name}")
        named = self._flows.get(form.flow)
        if named is None:
            raise FieldInvalidError("no flow has this name", f"{path}.flow")
        return named

    def _ringing(self, path: str, said: str | list[str], form: NumberForm | PoolForm) -> Flow:
        seconds = DEFAULT_RING_SECONDS if form.ring_seconds is None else form.ring_seconds
        if not 5 <= seconds <= 120:  # noqa: PLR2004 - what networks let ring
            raise FieldInvalidError("5 to 120 seconds", f"{path}.ring_seconds")
        texts = [said] if isinstance(said, str) else said
        if not 1 <= len(texts) <= MOST_TARGETS:
            raise FieldInvalidError(f"1 to {MOST_TARGETS} targets are needed", f"{path}.target")
        targets = [self._target(f"{path}.target", text) for text in texts]
        return Flow.ringing(targets, seconds, record=form.record is not False)

    def _target(self, path: str, text: str) -> str:
        if not text.startswith("sip"):
            return self._number(path, text)
        if not is_target(text):
            raise FieldInvalidError("a number, or sip:user@host", path)
        return text

    def _number(self, path: str, text: str) -> str:
        try:
            return normalise(text, self._account.region)
        except NumberInvalidError as error:
            raise FieldInvalidError("not a telephone number", path) from error


def _source(form: NumberForm | ExtensionForm) -> Source:
    return Source(
        channel=form.channel.strip(),
        source=form.source,
        campaign=form.campaign,
        term=form.keyword,
    )


def _code(path: str, text: str) -> str:
    if not re.fullmatch("[0-9]{4}", text):
        raise FieldInvalidError("four digits are needed", path)
    if not is_code(text):
        right = text[:-1] + check_digit(text[:-1])
        raise FieldInvalidError(f"the last digit checks the others: {right} would be a code", path)
    return text


def _threshold(path: str, above: float | None) -> float | None:
    low, high = THRESHOLDS
    if above is not None and not low <= above <= high:
        raise FieldInvalidError(f"a probability from {low} to {high} is needed", path)
    return above


def _origin(path: str, text: str) -> str:
    parts = urlsplit(text.strip())
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/"):
        raise FieldInvalidError("an origin like https://www.example.com is needed", path)
    return f"{parts.scheme}://{parts.netloc.lower()}"
