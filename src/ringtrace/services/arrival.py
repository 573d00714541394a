"""A call as a gateway sees it come, and how it is read."""

import re
from dataclasses import dataclass

from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.number import NumberInvalidError, TrackingNumber, normalise
from ringtrace.domain.withheld import is_withheld
from ringtrace.services.directory import Directory
from ringtrace.services.errors import FieldInvalidError, NumberUnknownError

_FIRST_MOMENT = 946_684_800_000

call_id_is_valid = re.compile(r"[A-Za-z0-9._:@-]{1,128}").fullmatch


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call as the gateway sees it come; `started_at` is ms since 1970 UTC."""

    call: str
    number: str
    caller: str | None
    started_at: int


def known_number(directory: Directory, account_id: int, dialled: str) -> TrackingNumber:
    """The account's number. Raises NumberUnknownError.

    Another account's is unknown, and so is what is no telephone number: somebody dialled it, and
    a gateway that is told so refuses the call instead of thinking us away.
    """
    try:
        number = directory.number(account_id, dialled)
    except NumberInvalidError:
        number = None
    if number is None:
        raise NumberUnknownError("no such tracking number", "number")
    return number


def refuse_implausible(started_at: int, now: int) -> None:
    """A call began in this century and not tomorrow. Raises FieldInvalidError: `started_at`."""
    if not _FIRST_MOMENT <= started_at <= now + DAY_MS:
        raise FieldInvalidError("a moment from 2000 to now is needed", "started_at")


def readable_caller(directory: Directory, account_id: int, caller: str | None) -> str | None:
    """The caller in E.164 where it can be read as a number, as delivered where it cannot.

    None where he withholds his number: all who do would else be one caller.
    """
    if caller is None or is_withheld(caller):
        return None
    account = directory.account(account_id)
    try:
        return normalise(caller, account.region if account else None)
    except NumberInvalidError:
        return caller[:64]
