"""Callers who are to be forgotten: their calls stay as facts, of nobody who could be named."""

import base64
import hashlib
import hmac
from dataclasses import replace
from typing import Final

from ringtrace.domain.call import Report

_PREFIX: Final = "forgotten-"
_BYTES: Final = 12


def pseudonym(key: bytes, account_id: int, number: str) -> str:
    """What stands in place of a caller's number (E.164) from now on: always the same.

    HMAC-SHA256. Without the key nobody can tell whose it is, not by trying all numbers either;
    accounts cannot compare theirs.
    """
    digest = hmac.new(key, f"{account_id}/{number}".encode(), hashlib.sha256).digest()
    return _PREFIX + base64.urlsafe_b64encode(digest[:_BYTES]).decode()


def is_forgotten(caller: str | None) -> bool:
    return caller is not None and caller.startswith(_PREFIX)


def spellings(number: str, national: str) -> frozenset[str]:
    """How a number (E.164) is written by networks; `national` are its digits inside its country."""
    digits = number.removeprefix("+")
    return frozenset((number, digits, f"00{digits}", national))


def mentions(text: str, number: str) -> bool:
    """Whether somebody wrote the number (E.164) down in a text, spaced however he liked.

    The last digits tell: the prefix in front of them depends on where it is written.
    """
    told = number[-_TOLD:]
    return told in "".join(one for one in text if one.isdecimal())


_TOLD: Final = 8


def anonymous(report: Report, name: str) -> Report:
    """The report of a forgotten caller's call: `name` called, and nobody has his voice."""
    return replace(report, caller=name, recording=None, session=None)
