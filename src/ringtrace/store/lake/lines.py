"""Lines (a caller and a number) that are read call by call, because repeats are among the calls."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import duckdb
import numpy as np

from ringtrace.domain.batch import sums
from ringtrace.domain.hazard import Flags
from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.tally import Shares
from ringtrace.domain.totals import UNKNOWN

NO_SITE: Final = -1
_SOME: Final = 1 << 17
"""So many calls are looked at in one go."""


class Lines:
    """They are put aside in the database until it is closed."""

    def __init__(
        self, database: duckdb.DuckDBPyConnection, source: str, near: str, wanted: str,
        counted: str = "true",
    ) -> None:  # fmt: skip
        """Calls of `source` that are `near`, on lines that the query `wanted` answers by hash.

        Those `counted` are of the report; numbers have the sites that sums.know_sites told.
        """
        self._database = database
        database.execute(f"CREATE OR REPLACE TEMP TABLE line AS {wanted}")
        if database.execute("SELECT count(*) FROM line").fetchone() == (0,):
            near = "false"
        database.execute(
            # Joined to the lines first: the sites of all the others need not be looked up.
            "CREATE OR REPLACE TEMP TABLE linked AS SELECT row_number() OVER () AS id,"
            f" epoch_ms(started_at) AS began, line, coalesce(site_code, {NO_SITE}) AS site,"
            f" coalesce({counted}, false) AS counted, repeat, unknown, shares, spam"
            f" FROM (SELECT *, hash(number, caller) AS line FROM {source} WHERE {near})"
            " SEMI JOIN line USING (line) LEFT JOIN site USING (number)"
        )

    def channels(self) -> set[str]:
        found = self._database.execute(
            "SELECT DISTINCT s.channel FROM linked, unnest(shares) AS u(s)"
        )
        return {name for (name,) in found.fetchall()}

    def read(self, names: Sequence[str], day: int | None = None) -> Iterator[tuple[Shares, Flags]]:
        """All calls, some lines at a time, and which are spam; columns: UNKNOWN and the `names`.

        With a `day`: the lines that have a repeat on it, until its end.
        """
        source = "linked"
        if day is not None:
            source = "linked_of_day"
            begin, end = day * DAY_MS, (day + 1) * DAY_MS
            self._database.execute(
                f"CREATE OR REPLACE TEMP TABLE {source} AS SELECT * FROM linked SEMI JOIN (SELECT"
                f" line FROM linked WHERE repeat > 0 AND began >= {begin} AND began < {end})"
                f" USING (line) WHERE began < {end}"
            )
        found = self._database.execute(f"SELECT count(*) FROM {source}").fetchone()
        parts = -(-(found or (0,))[0] // _SOME)
        for part in range(parts):
            yield self._read(f"{source} WHERE line % {parts} = {part}", names)

    def _read(self, some: str, names: Sequence[str]) -> tuple[Shares, Flags]:
        calls: dict[str, Any] = self._database.execute(
            "SELECT id, began, line, site, counted, repeat, unknown, spam"
            f" FROM (FROM {some}) ORDER BY id"
        ).fetchnumpy()
        shared: dict[str, Any] = self._database.execute(
            "SELECT id, list_position($1::VARCHAR[], s.channel) AS code, s.share AS share"
            f" FROM (FROM {some}), unnest(shares) AS u(s)",
            [list(names)],
        ).fetchnumpy()
        width, size = 1 + len(names), len(calls["id"])
        row = np.searchsorted(calls["id"], shared["id"])
        place = row * width + UNKNOWN + np.asarray(shared["code"])
        share = sums(place, shared["share"], size * width).reshape(size, width)
        share[:, UNKNOWN] = calls["unknown"]
        told = Shares(
            at=np.asarray(calls["began"], dtype=np.int64),
            line=np.asarray(calls["line"]).astype(np.int64),
            site=np.asarray(calls["site"], dtype=np.int64),
            counted=np.asarray(calls["counted"], dtype=np.bool_),
            share=share,
            repeat=np.asarray(calls["repeat"], dtype=np.float64),
        )
        return told, np.asarray(calls["spam"], dtype=np.bool_)
