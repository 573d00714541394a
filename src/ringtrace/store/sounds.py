"""Sounds that flows play, whatever keeps them."""

from collections.abc import Iterable
from typing import Final

from ringtrace.services.errors import NotFoundError
from ringtrace.services.setup_records import KeptSound
from ringtrace.store.rows import Row

COLUMNS: Final = "account_id, name, digest, seconds, made_at, made_by"
"""Without the content."""


def sounds(found: Iterable[Row]) -> tuple[KeptSound, ...]:
    """From COLUMNS."""
    return tuple(KeptSound(*row) for row in found)


def no_such_sound() -> NotFoundError:
    return NotFoundError("no such sound", "name")
