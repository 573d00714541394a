"""The rows of a day, read for the lake on a connection of its own."""

import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from ringtrace.domain.model import Model
from ringtrace.services.lake import DAY_MS, Change, Kind, Part, Row
from ringtrace.store import rows
from ringtrace.store.lake.schema import TABLES
from ringtrace.store.sqlite.connection import connect

_shares = msgspec.json.Decoder(dict[str, float])
_MANY: Final = 5_000

_FROM_VISITS = (
    "CASE c.basis WHEN 'static_number' THEN 0 WHEN 'extension' THEN EXISTS"
    " (SELECT 1 FROM credits k WHERE k.account_id = c.account_id AND k.gateway = c.gateway"
    " AND k.call_id = c.call_id AND k.visit_id IS NOT NULL) ELSE 1 END"
)
_SAID: Final = {
    "reason": "reason", "code": "code", "target": "target", "ring_seconds": "ring_seconds",
    "session": "session", "plan_source": "plan_source", "node": "node", "legs": "legs",
    "recording_url": "recording.url", "recording_seconds": "recording.seconds",
    "recording_channels": "recording.channels",
}  # fmt: skip
"""Columns that are read from a call's report, with their place in it."""


def _column(kind: Kind, name: str) -> str:
    if kind is Kind.CALLS and name in _SAID:
        return f"c.report ->> '$.{_SAID[name]}'"
    if name == "from_visits":
        return _FROM_VISITS
    if kind is Kind.HITS and name == "hit_at":
        return "c.at"
    return f"k.{name}" if kind is Kind.CREDITS and name != "started_at" else f"c.{name}"


# Calls have an index by time. Of the others a whole account is looked through, once for all the
# days that are asked for: an index by time would cost every hit.
_FROM: Final[Mapping[Kind, str]] = {
    Kind.VISITS: "visits c",
    Kind.HITS: "hits c",
    Kind.EXPOSURES: "exposures c",
    Kind.CALLS: "calls c",
    Kind.CREDITS: (
        "calls c JOIN credits k ON k.account_id = c.account_id AND k.gateway = c.gateway"
        " AND k.call_id = c.call_id"
    ),
}
_NUMBERS_SHOWN: Final = (
    "WITH RECURSIVE shown(number) AS (SELECT min(number) FROM exposures WHERE account_id = ?1"
    " UNION ALL SELECT (SELECT min(number) FROM exposures WHERE account_id = ?1"
    "  AND number > shown.number) FROM shown WHERE number IS NOT NULL)"
    " SELECT number FROM shown WHERE number IS NOT NULL"
)
_VISITS: Final = (
    "SELECT v.channel, count(*) FROM exposures e JOIN visits v ON v.account_id = e.account_id"
    " AND v.visit_id = e.visit_id AND v.started_at = e.shown_at"
    " WHERE e.account_id = ? AND e.number = ? AND e.shown_at >= ? AND e.shown_at < ?"
    " GROUP BY v.channel"
)
_VALUES: Final[Mapping[str, Callable[[Any], object]]] = {
    "spam": bool,
    "from_visits": bool,
    "shares": lambda said: [
        {"channel": channel, "share": share} for channel, share in _shares.decode(said).items()
    ],
}


class SqliteDays:
    """Reads beside the writer, also in another process; `close` it or use it as a context."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path, readonly=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")

    def changes(self) -> Sequence[Change]:
        return [
            Change(account_id, Part(part), day, mark)
            for account_id, part, day, mark in self._connection.execute(
                "SELECT account_id, part, day, mark FROM days ORDER BY day, account_id, part"
            )
        ]

    def rows(self, account_id: int, kind: Kind, days: Collection[int]) -> Iterator[tuple[int, Row]]:
        if not days:
            return
        table = TABLES[kind]
        names = list(table.columns)
        at = _column(kind, table.day)
        found = self._connection.execute(
            f"SELECT {at} / {DAY_MS}, {', '.join(_column(kind, name) for name in names)}"
            f" FROM {_FROM[kind]} WHERE c.account_id = ? AND {at} >= ? AND {at} < ?",
            (account_id, min(days) * DAY_MS, (max(days) + 1) * DAY_MS),
        )
        made = [(name, _VALUES[name]) for name in names if name in _VALUES]
        while some := found.fetchmany(_MANY):
            for day, *values in some:
                if day in days:
                    row = dict(zip(names, values, strict=True))
                    for name, value_of in made:
                        row[name] = value_of(row[name])
                    yield day, row

    def sites(self, account_id: int) -> Mapping[str, str]:
        return dict(
            self._connection.execute(
                "SELECT number, site_key FROM numbers"
                " WHERE account_id = ? AND site_key IS NOT NULL",
                (account_id,),
            ).fetchall()
        )

    def models(self, account_id: int) -> Mapping[str, Model]:
        found = self._connection.execute(
            "SELECT site_key, model, max(made_at) FROM models WHERE account_id = ?"
            " GROUP BY site_key",
            (account_id,),
        )
        return {site_key: rows.model(model) for site_key, model, _ in found}

    def visits_by_channel(self, account_id: int, since: int, until: int) -> Mapping[str, int]:
        # A visit is shown its number when it begins, and exposures have an index by time.
        numbers = self._connection.execute(_NUMBERS_SHOWN, (account_id,)).fetchall()
        counts: Counter[str] = Counter()
        for (number,) in numbers:
            for channel, count in self._connection.execute(
                _VISITS, (account_id, number, since, until)
            ):
                counts[channel] += count
        return counts
