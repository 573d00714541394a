"""The document in which a business describes itself."""

from typing import Annotated, Any, TypeAlias

import msgspec

from ringtrace.services.errors import FieldInvalidError

Words: TypeAlias = Annotated[str, msgspec.Meta(max_length=200)]
"""What stands in lists, reports and on narrow screens: as long as a channel's name may be."""


class AccountForm(msgspec.Struct, forbid_unknown_fields=True):
    name: Words
    region: str


class ExtensionForm(msgspec.Struct, forbid_unknown_fields=True):
    """A code keyed behind a static number, on a poster say; without a target it rings the number's.

    `code` is four digits of which the last checks the others.
    """

    code: str
    channel: Words
    name: Words | None = None
    source: Words | None = None
    campaign: Words | None = None
    keyword: Words | None = None
    target: str | list[str] | None = None


class NumberForm(msgspec.Struct, forbid_unknown_fields=True):
    """A static number: what it stands for, and the targets of its calls or the flow they follow."""

    number: str
    channel: Words
    target: str | list[str] | None = None
    flow: str | None = None
    name: Words | None = None
    source: Words | None = None
    campaign: Words | None = None
    keyword: Words | None = None
    ring_seconds: int | None = None
    record: bool | None = None
    active: bool = True
    extension: list[ExtensionForm] = []


class PoolForm(msgspec.Struct, forbid_unknown_fields=True):
    """The numbers that a site's visitors are shown, and where their calls go.

    `canaries` are shown to nobody: what calls them says how many calls are wrong or robots'.
    """

    numbers: list[str]
    target: str | list[str] | None = None
    flow: str | None = None
    canaries: list[str] = []
    ring_seconds: int | None = None
    record: bool | None = None
    active: bool = True


class SiteForm(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    name: Words
    origins: list[str]
    swap: list[str] = []
    extensions_above: float | None = None
    pool: PoolForm | None = None


class RecipientForm(msgspec.Struct, forbid_unknown_fields=True):
    """Who is told of calls: `to` is `mail:NAME@HOST` or the URL of a webhook."""

    to: str
    events: list[str] = []
    active: bool = True


class SpamForm(msgspec.Struct, forbid_unknown_fields=True):
    """The fields of domain/screening.SpamRules; what is not given stays as it is."""

    blocked: bool | None = None
    known_robots: bool | None = None
    silent: bool | None = None
    silent_calls: int | None = None
    silent_seconds: float | None = None
    silent_days: int | None = None
    too_many: bool | None = None
    too_many_calls: int | None = None
    too_many_minutes: int | None = None
    many_numbers: bool | None = None
    many_numbers_called: int | None = None
    many_numbers_minutes: int | None = None


class SetupForm(msgspec.Struct, forbid_unknown_fields=True):
    """The document that `ringtrace apply` sends. What it does not name stays as it is."""

    account: AccountForm | None = None
    flow: list[dict[str, Any]] = []
    number: list[NumberForm] = []
    recipient: list[RecipientForm] = []
    site: list[SiteForm] = []
    spam: SpamForm | None = None


def read_setup(document: dict[str, Any]) -> SetupForm:
    """Raises FieldInvalidError with the path of the wrong field."""
    try:
        return msgspec.convert(document, SetupForm)
    except msgspec.ValidationError as error:
        raise FieldInvalidError.read(str(error)) from error
