"""From the forms of a set-up document to sites and numbers.

All of it raises FieldInvalidError with the field's path.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec.structs import replace

from ringtrace.domain.account import Account
from ringtrace.domain.extension import THRESHOLDS, Extension, check_digit, is_code
from ringtrace.domain.flow import DEFAULT_RING_SECONDS, Flow, is_target
from ringtrace.domain.number import NumberInvalidError, NumberKind, TrackingNumber, normalise
from ringtrace.domain.site import Site
from ringtrace.domain.source import Source
from ringtrace.domain.validation import MOST_TARGETS
from ringtrace.services.errors import FieldInvalidError
from ringtrace.services.setup_form import ExtensionForm, NumberForm, PoolForm, SiteForm

_SITE_KEY = re.compile(r"[A-Za-z0-9_-]{3,64}").fullmatch


class SetupReader:
    """`flows` are those of the account by name, as they will be."""

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
