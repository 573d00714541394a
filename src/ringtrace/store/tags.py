"""Tags of calls, and of their callers: what a call takes, whatever keeps them."""

from collections.abc import Collection
from typing import Final

from ringtrace.domain.tag import MOST
from ringtrace.services.errors import FieldInvalidError, NotFoundError

MOST_EARLIER: Final = 1_000
"""The newest calls of a caller whose tags are his; more of them has no person."""


def refuse(known: Collection[str], tag: str) -> None:
    """Unless a call with the `known` tags can have that one, too. Raises FieldInvalidError."""
    if tag not in known and len(known) >= MOST:
        raise FieldInvalidError(f"a call has at most {MOST} tags", "tag")


def no_such_tag() -> NotFoundError:
    return NotFoundError("the call has no such tag", "tag")
