"""The rows of a day, read for the lake on a connection of its own."""

import contextlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from ringtrace.domain.model import Model
from ringtrace.services.lake import Change, Kind, Part, Row
from ringtrace.store import day_rows, rows
from ringtrace.store.lake.schema import Type
from ringtrace.store.sqlite.connection import connect

_MANY: Final = 5_000

_CHANGES: Final = (
    "SELECT account_id, part, day, mark, archived, left_mark FROM days"
    " WHERE ?1 IS NULL OR account_id = ?1 ORDER BY day, account_id, part"
)
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


def _said(path: Sequence[str], _type: Type) -> str:
    return f"c.report ->> '$.{'.'.join(path)}'"


_ROWS: Final[Mapping[Kind, str]] = {
    kind: day_rows.select(kind, ("?1", "?2", "?3"), _said) for kind in Kind
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

    def changes(self, account_id: int | None = None) -> Sequence[Change]:
        return [
            Change(account, Part(part), day, mark, bool(archived), left_mark == mark)
            for account, part, day, mark, archived, left_mark in self._connection.execute(
                _CHANGES, (account_id,)
            )
        ]

    def rows(self, account_id: int, kind: Kind, days: Collection[int]) -> Iterator[tuple[int, Row]]:
        if not days:
            return
        found = self._connection.execute(_ROWS[kind], (account_id, *day_rows.span(days)))
        while some := found.fetchmany(_MANY):
            yield from day_rows.read(kind, some, days)

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
