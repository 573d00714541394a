"""Lines (a caller and a number) on which calls are repeated, read call by call.

All other calls are only added up (sums.py).
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import duckdb
import numpy as np

from ringtrace.domain.batch import sums
from ringtrace.domain.tally import Moments, Shares, independent, repeated
from ringtrace.domain.totals import UNKNOWN

NO_SITE: Final = -1
_SOME: Final = 1 << 17
"""So many calls are looked at in one go."""


class Lines:
    """Those of a report; they are put aside in the database until it is closed."""

    def __init__(
        self, database: duckdb.DuckDBPyConnection, source: str, near: str, counted: str
    ) -> None:
        """Of the calls of `source` those that are `near` may be repeated by those `counted`.

        Numbers have the sites that sums.know_sites told.
        """
        self._database = database
        database.execute(
            "CREATE TEMP TABLE line AS SELECT DISTINCT hash(number, caller) AS line"
            f" FROM {source} WHERE {counted} AND repeat > 0"
        )
        database.execute(
            "CREATE TEMP TABLE linked AS SELECT row_number() OVER () AS id, * FROM ("
            "SELECT epoch_ms(started_at) AS began, hash(number, caller) AS line,"
            f" coalesce(code, {NO_SITE}) AS site, coalesce({counted}, false) AS counted, repeat,"
            f" unknown, shares FROM {source} LEFT JOIN site USING (number) WHERE {near}"
            ") SEMI JOIN line USING (line)"
        )

    def channels(self) -> set[str]:
        found = self._database.execute(
            "SELECT DISTINCT s.channel FROM linked, unnest(shares) AS u(s)"
        )
        return {name for (name,) in found.fetchall()}

    def changes(self, names: Sequence[str]) -> Moments:
        """What repeats change in the moments of a report; the columns are UNKNOWN and `names`."""
        told = independent({}, 1 + len(names))
        for some in self._parts():
            told += repeated(self._read(some, names))
        return told

    def _parts(self) -> Iterator[str]:
        (calls,) = self._database.execute("SELECT count(*) FROM linked").fetchone() or (0,)
        parts = -(-calls // _SOME)
        return (f"line % {parts} = {part}" for part in range(parts))

    def _read(self, some: str, names: Sequence[str]) -> Shares:
        calls: dict[str, Any] = self._database.execute(
            "SELECT id, began, line, site, counted, repeat, unknown FROM linked"
            f" WHERE {some} ORDER BY id"
        ).fetchnumpy()
        shared: dict[str, Any] = self._database.execute(
            "SELECT id, list_position($1::VARCHAR[], s.channel) AS code, s.share AS share"
            f" FROM linked, unnest(shares) AS u(s) WHERE {some}",
            [list(names)],
        ).fetchnumpy()
        width, size = 1 + len(names), len(calls["id"])
        row = np.searchsorted(calls["id"], shared["id"])
        place = row * width + UNKNOWN + np.asarray(shared["code"])
        share = sums(place, shared["share"], size * width).reshape(size, width)
        share[:, UNKNOWN] = calls["unknown"]
        return Shares(
            at=np.asarray(calls["began"], dtype=np.int64),
            line=np.asarray(calls["line"]).astype(np.int64),
            site=np.asarray(calls["site"], dtype=np.int64),
            counted=np.asarray(calls["counted"], dtype=np.bool_),
            share=share,
            repeat=np.asarray(calls["repeat"], dtype=np.float64),
        )
