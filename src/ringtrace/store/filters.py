"""What of a call `c` a reader asks for, as conditions in which `{}` stands for a value."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from ringtrace.services.call_records import CallFilter, ProofFilter
from ringtrace.services.notice_records import DeliveryFilter
from ringtrace.services.spam_records import Spam

Condition = tuple[str, tuple[object, ...]]
"""With what its slots stand for."""

_CREDITED: Final = (
    "EXISTS (SELECT 1 FROM credits k WHERE k.account_id = c.account_id"
    " AND k.gateway = c.gateway AND k.call_id = c.call_id AND k.channel = {})"
)
_OF_SITE: Final = (
    "EXISTS (SELECT 1 FROM numbers s WHERE s.account_id = c.account_id AND s.number = c.number"
    " AND s.site_key = {})"
)
_TAGGED: Final = (
    "EXISTS (SELECT 1 FROM call_tags t WHERE t.account_id = c.account_id"
    " AND t.gateway = c.gateway AND t.call_id = c.call_id AND t.tag = {})"
)
_HALF: Final = 0.5
_SPAM: Final[Mapping[Spam, Sequence[Condition]]] = {
    Spam.WITH: (),
    Spam.WITHOUT: (("NOT c.spam", ()),),
    Spam.ONLY: (("c.spam", ()),),
}


def of_calls(account_id: int, where: CallFilter) -> list[Condition]:
    asked = _asked(
        ("c.account_id = {}", account_id),
        ("c.started_at >= {}", where.since),
        ("c.started_at < {}", where.until),
        ("c.outcome = {}", where.outcome),
        (_CREDITED, where.channel),
        ("c.unknown > {}", _HALF if where.unknown else None),
        (_TAGGED, where.tag),
    )
    return [*asked, *_SPAM[where.spam]]


def of_proofs(account_id: int, where: ProofFilter) -> list[Condition]:
    return _asked(
        ("c.account_id = {}", account_id),
        ("c.started_at >= {}", where.since),
        ("c.started_at < {}", where.until),
        (_OF_SITE, where.site_key),
    )


def of_deliveries(account_id: int, where: DeliveryFilter) -> list[Condition]:
    """Of a delivery `d`."""
    gateway, call = where.call or (None, None)
    return _asked(
        ("d.account_id = {}", account_id),
        ("d.recipient_id = {}", where.recipient_id),
        ("d.state = {}", where.state and where.state.value),
        ("d.gateway = {}", gateway and gateway.value),
        ("d.call_id = {}", call),
    )


def _asked(*conditions: tuple[str, object]) -> list[Condition]:
    return [(part, (value,)) for part, value in conditions if value is not None]


def joined(conditions: Iterable[Condition], slots: Iterator[str]) -> tuple[str, list[object]]:
    """The whole condition with the next of these `slots`, and the values to bind."""
    parts: list[str] = []
    bound: list[object] = []
    for part, values in conditions:
        parts.append(part.format(*islice(slots, len(values))))
        bound += values
    return " AND ".join(parts), bound
