"""The columns of each kind of file; docs/lake.md says what they mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ringtrace.services.lake import Kind

VERSION: Final = 1
"""Counts up whenever a reader of the older files would misread the newer ones."""


class Type(StrEnum):
    """Times come from the store as ms since 1970 UTC and are timestamps in the files."""

    TEXT = "VARCHAR"
    TIME = "TIMESTAMP"
    COUNT = "BIGINT"
    REAL = "DOUBLE"
    FLAG = "BOOLEAN"
    SHARES = "STRUCT(channel VARCHAR, share DOUBLE)[]"

    @property
    def staged(self) -> str:
        """As the rows are handed over."""
        return "BIGINT" if self is Type.TIME else self.value


@dataclass(frozen=True, slots=True)
class Table:
    """`day` is the column that says which day a row belongs to, `order` how rows lie in a file.

    `key` tells rows of an account apart.
    """

    columns: Mapping[str, Type]
    day: str
    key: tuple[str, ...]
    order: tuple[str, ...]


_T, _AT, _N, _R, _F = Type.TEXT, Type.TIME, Type.COUNT, Type.REAL, Type.FLAG

TABLES: Final[Mapping[Kind, Table]] = {
    Kind.VISITS: Table(
        {
            "visit_id": _T, "visitor_id": _T, "site_key": _T, "started_at": _AT, "seen_at": _AT,
            "left_at": _AT, "contact_at": _AT, "tapped_at": _AT, "device": _T, "channel": _T,
            "source": _T, "medium": _T, "campaign": _T, "term": _T, "content": _T,
            "click_id_type": _T, "click_id": _T, "landing_page": _T, "reason": _T, "number": _T,
            "extension": _T,
        },
        "started_at", ("visit_id",), ("site_key", "started_at", "visit_id"),
    ),
    Kind.HITS: Table(
        {"visit_id": _T, "hit_at": _AT, "kind": _T, "path": _T},
        "hit_at", ("visit_id", "hit_at", "kind", "path"), ("visit_id", "hit_at", "kind", "path"),
    ),
    Kind.EXPOSURES: Table(
        {"number": _T, "shown_at": _AT, "visit_id": _T, "extension": _T},
        "shown_at", ("number", "shown_at", "visit_id"), ("number", "shown_at", "visit_id"),
    ),
    Kind.CALLS: Table(
        {
            "gateway": _T, "call_id": _T, "number": _T, "caller": _T, "started_at": _AT,
            "outcome": _T, "reason": _T, "code": _N, "target": _T, "ring_seconds": _R,
            "talk_seconds": _R, "legs": _T, "recording_url": _T, "recording_seconds": _R,
            "recording_channels": _N, "session": _T, "plan_source": _T, "node": _T, "digits": _T,
            "flow": _T, "audio_format": _T, "audio_sha256": _T, "spam": _F, "basis": _T,
            "model": _T, "unknown": _R, "repeat": _R, "from_visits": _F, "shares": Type.SHARES,
        },
        "started_at", ("gateway", "call_id"), ("started_at", "gateway", "call_id"),
    ),
    Kind.CREDITS: Table(
        {
            "gateway": _T, "call_id": _T, "started_at": _AT, "position": _N, "visit_id": _T,
            "probability": _R, "channel": _T, "campaign": _T, "keyword": _T, "source": _T,
            "why": _T,
        },
        "started_at", ("gateway", "call_id", "position"),
        ("started_at", "gateway", "call_id", "position"),
    ),
}  # fmt: skip


def checked(kind: Kind) -> tuple[str, ...]:
    """The columns that the digest of a file's rows is made of: all whose text is exact."""
    columns = TABLES[kind].columns
    return tuple(one for one, type_ in columns.items() if type_ not in {Type.REAL, Type.SHARES})
