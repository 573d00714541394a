"""What of a call `c` a reader asks for, as conditions in which `{}` stands for a value."""

from collections.abc import Iterable
from typing import Final

from ringtrace.services.ports import CallFilter, ProofFilter

Condition = tuple[str, object]

_CREDITED: Final = (
    "EXISTS (SELECT 1 FROM credits k WHERE k.account_id = c.account_id"
    " AND k.gateway = c.gateway AND k.call_id = c.call_id AND k.channel = {})"
)
_OF_SITE: Final = (
    "EXISTS (SELECT 1 FROM numbers s WHERE s.account_id = c.account_id AND s.number = c.number"
    " AND s.site_key = {})"
)
_HALF: Final = 0.5


def of_calls(account_id: int, where: CallFilter) -> list[Condition]:
    return _asked(
        ("c.account_id = {}", account_id),
        ("c.started_at >= {}", where.since),
        ("c.started_at < {}", where.until),
        ("c.outcome = {}", where.outcome),
        (_CREDITED, where.channel),
        ("c.unknown > {}", _HALF if where.unknown else None),
    )


def of_proofs(account_id: int, where: ProofFilter) -> list[Condition]:
    return _asked(
        ("c.account_id = {}", account_id),
        ("c.started_at >= {}", where.since),
        ("c.started_at < {}", where.until),
        (_OF_SITE, where.site_key),
    )


def _asked(*conditions: Condition) -> list[Condition]:
    return [(part, value) for part, value in conditions if value is not None]


def joined(conditions: Iterable[Condition], slots: Iterable[str]) -> tuple[str, list[object]]:
    """The whole condition with these `slots`, and the values to bind."""
    conditions = list(conditions)
    parts = [part.format(slot) for (part, _), slot in zip(conditions, slots, strict=False)]
    return " AND ".join(parts), [value for _, value in conditions]
