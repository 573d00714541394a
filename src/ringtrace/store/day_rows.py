"""The rows of days, as statements of every store name them for the lake."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from ringtrace.domain.moment import DAY_MS
from ringtrace.services.lake import Kind, Row
from ringtrace.store.lake.schema import TABLES, Type

Said: TypeAlias = Callable[[Sequence[str], Type], str]
"""An expression for the value at a path in the report of a call `c`."""

_FROM_VISITS: Final = (
    "CASE c.basis WHEN 'static_number' THEN FALSE WHEN 'extension' THEN EXISTS"
    " (SELECT 1 FROM credits k WHERE k.account_id = {account} AND k.gateway = c.gateway"
    " AND k.call_id = c.call_id AND k.visit_id IS NOT NULL) ELSE TRUE END"
)
_SAID: Final[Mapping[str, Sequence[str]]] = {
    **{
        name: (name,)
        for name in ("reason", "code", "target", "ring_seconds", "session", "plan_source", "node",
                     "legs")
    },
    **{f"recording_{name}": ("recording", name) for name in ("url", "seconds", "channels")},
}  # fmt: skip
"""Columns that are read from a call's report, with their place in it."""

# Calls have an index by time. Of the others a whole account is looked through, once for all the
# days that are asked for: an index by time would cost every hit.
_FROM: Final[Mapping[Kind, str]] = {
    Kind.VISITS: "visits c",
    Kind.HITS: "hits c",
    Kind.EXPOSURES: "exposures c",
    Kind.CALLS: "calls c",
    Kind.CREDITS: (
        "calls c JOIN credits k ON k.account_id = {account} AND k.gateway = c.gateway"
        " AND k.call_id = c.call_id"
    ),
}
_shares = msgspec.json.Decoder(dict[str, float])
_VALUES: Final[Mapping[str, Callable[[Any], object]]] = {
    "spam": bool,
    "from_visits": bool,
    "shares": lambda said: [
        {"channel": channel, "share": share} for channel, share in _shares.decode(said).items()
    ],
}


def select(kind: Kind, slots: Sequence[str], said: Said) -> str:
    """The day and the columns of each row of an account in a span of time.

    `slots` are where the account and the span's first and last moment (exclusive), in ms since 1970
    UTC, stand in the statement.
    """
    account, since, until = slots
    table = TABLES[kind]
    at = _column(kind, table.day, said)
    columns = ", ".join(_column(kind, name, said) for name in table.columns)
    return (
        f"SELECT {at} / {DAY_MS}, {columns} FROM {_FROM[kind]}"
        f" WHERE c.account_id = {{account}} AND {at} >= {since} AND {at} < {until}"
    ).format(account=account)


def span(days: Collection[int]) -> tuple[int, int]:
    """What `select` wants to know of the time."""
    return min(days) * DAY_MS, (max(days) + 1) * DAY_MS


def read(
    kind: Kind, found: Iterable[Sequence[Any]], days: Collection[int]
) -> Iterator[tuple[int, Row]]:
    """What `select` found of the days."""
    names = list(TABLES[kind].columns)
    made = [(name, _VALUES[name]) for name in names if name in _VALUES]
    for day, *values in found:
        if day in days:
            row = dict(zip(names, values, strict=True))
            for name, value_of in made:
                row[name] = value_of(row[name])
            yield day, row


def _column(kind: Kind, name: str, said: Said) -> str:
    if kind is Kind.CALLS and name in _SAID:
        return said(_SAID[name], TABLES[kind].columns[name])
    if name == "from_visits":
        return _FROM_VISITS
    if kind is Kind.HITS and name == "hit_at":
        return "c.at"
    return f"k.{name}" if kind is Kind.CREDITS and name != "started_at" else f"c.{name}"
