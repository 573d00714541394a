"""A business says which sites, numbers and pools it has."""

import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ringtrace.domain.account import Account
from ringtrace.domain.extension import THRESHOLDS, Extension, check_digit, is_code
from ringtrace.domain.flow import (
    DEFAULT_MAX_SECONDS,
    DEFAULT_RING_SECONDS,
    Flow,
    Target,
    is_target,
)
from ringtrace.domain.number import NumberInvalidError, NumberKind, TrackingNumber, normalise
from ringtrace.domain.site import Site
from ringtrace.domain.source import Source
from ringtrace.services.commands import ApplySetup
from ringtrace.services.directory import Directory
from ringtrace.services.errors import FieldInvalidError
from ringtrace.services.ports import Clock, Store

_SITE_KEY = re.compile(r"[A-Za-z0-9_-]{3,64}").fullmatch


class AccountForm(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    region: str


class ExtensionForm(msgspec.Struct, forbid_unknown_fields=True):
    """A code keyed behind a static number, on a poster say; without a target it rings the number's.

    `code` is four digits of which the last checks the others.
    """

    code: str
    channel: str
    name: str | None = None
    source: str | None = None
    campaign: str | None = None
    keyword: str | None = None
    target: str | list[str] | None = None


class NumberForm(msgspec.Struct, forbid_unknown_fields=True):
    """A static number: what it stands for and where its calls go."""

    number: str
    channel: str
    target: str | list[str]
    name: str | None = None
    source: str | None = None
    campaign: str | None = None
    keyword: str | None = None
    ring_seconds: int = DEFAULT_RING_SECONDS
    record: bool = True
    active: bool = True
    extension: list[ExtensionForm] = []


class PoolForm(msgspec.Struct, forbid_unknown_fields=True):
    """The numbers that a site's visitors are shown, and where their calls go.

    `canaries` are shown to nobody: what calls them says how many calls are wrong or robots'.
    """

    numbers: list[str]
    target: str | list[str]
    canaries: list[str] = []
    ring_seconds: int = DEFAULT_RING_SECONDS
    record: bool = True
    active: bool = True


class SiteForm(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    name: str
    origins: list[str]
    swap: list[str] = []
    extensions_above: float | None = None
    pool: PoolForm | None = None


class SetupForm(msgspec.Struct, forbid_unknown_fields=True):
    """The document that `ringtrace apply` sends. What it does not name stays as it is."""

    account: AccountForm | None = None
    number: list[NumberForm] = []
    site: list[SiteForm] = []


class ApplyTheSetup:
    def __init__(self, store: Store, directory: Directory, clock: Clock) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock

    async def __call__(self, account_id: int, form: SetupForm) -> None:
        """All or nothing. Raises FieldInvalidError with the field's path, NumberTakenError."""
        account = self._account(account_id, form)
        reader = _Reader(account)
        sites = tuple(reader.site(f"site[{i}]", one) for i, one in enumerate(form.site))
        numbers = [reader.static(f"number[{i}]", one) for i, one in enumerate(form.number)]
        for i, one in enumerate(form.site):
            if one.pool is not None:
                numbers += reader.pool(f"site[{i}].pool", one.key, one.pool)
        _refuse_repeats([one.number for one in numbers])
        self._refuse_loops(account_id, numbers)
        await self._store.submit(
            ApplySetup(account_id, account, sites, tuple(numbers), self._clock())
        )
        await self._directory.refresh()

    def _refuse_loops(self, account_id: int, numbers: list[TrackingNumber]) -> None:
        """A tracking number that forwards to one of ours would call us for ever."""
        after = {one.number: one for one in self._directory.numbers_of(account_id)}
        after.update({one.number: one for one in numbers})
        for one in after.values():
            flows = (one.flow, *(code.flow for code in one.extensions))
            for target in (target for flow in flows for target in flow.targets):
                if target.to in after:
                    raise FieldInvalidError(f"{target.to} is itself a tracking number", "target")

    def _account(self, account_id: int, form: SetupForm) -> Account:
        known = self._directory.account(account_id)
        if form.account is None:
            assert known is not None  # noqa: S101 - a token of the account brought us here
            return known
        if not form.account.name.strip():
            raise FieldInvalidError("a name is needed", "account.name")
        region = form.account.region.upper()
        if not re.fullmatch("[A-Z]{2}", region):
            raise FieldInvalidError("two letters of a country are needed", "account.region")
        return Account(account_id, form.account.name.strip(), region)


def read_setup(document: dict[str, Any]) -> SetupForm:
    """Raises FieldInvalidError with the path of the wrong field."""
    try:
        return msgspec.convert(document, SetupForm)
    except msgspec.ValidationError as error:
        raise FieldInvalidError.read(str(error)) from error


def _refuse_repeats(numbers: list[str]) -> None:
    seen: set[str] = set()
    for number in numbers:
        if number in seen:
            raise FieldInvalidError(f"{number} is named twice", "number")
        seen.add(number)


class _Reader:
    def __init__(self, account: Account) -> None:
        self._account = account

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
            self._extension(f"{path}.extension[{i}]", one, flow)
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
        )

    def _extension(self, path: str, form: ExtensionForm, flow: Flow) -> Extension:
        if not form.channel.strip():
            raise FieldInvalidError("a channel is needed", f"{path}.channel")
        if form.target is not None:
            flow = replace(
                flow, targets=self._targets(path, form.target, flow.targets[0].ring_seconds)
            )
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
            )
            for field, kind, name, numbers in (
                ("numbers", NumberKind.POOL, site_key, form.numbers),
                ("canaries", NumberKind.CANARY, f"{site_key} canary", form.canaries),
            )
            for i, number in enumerate(numbers)
        ]

    def _flow(self, path: str, form: NumberForm | PoolForm) -> Flow:
        if not 5 <= form.ring_seconds <= 120:  # noqa: PLR2004 - what networks let ring
            raise FieldInvalidError("5 to 120 seconds", f"{path}.ring_seconds")
        targets = self._targets(path, form.target, form.ring_seconds)
        return Flow(targets=targets, record=form.record, max_seconds=DEFAULT_MAX_SECONDS)

    def _targets(self, path: str, form: str | list[str], ring_seconds: int) -> tuple[Target, ...]:
        texts = [form] if isinstance(form, str) else form
        if not texts:
            raise FieldInvalidError("at least one target is needed", f"{path}.target")
        return tuple(Target(self._target(f"{path}.target", text), ring_seconds) for text in texts)

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
