"""Sealed calls and visits added up, a file for each part of a day: a report need not read them all.

Calls are added up as if none repeated another (lines.py has what repeats change), apart for what a
report may ask: site, spam and outcome. A sum says which site each number belonged to when it was
made; where that is no longer so, it says nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import msgspec
import numpy as np

from ringtrace.domain.call import Outcome
from ringtrace.domain.hazard import Floats
from ringtrace.domain.tally import Sums
from ringtrace.domain.totals import UNKNOWN
from ringtrace.services.lake import Kind
from ringtrace.store.lake import parquet

_SINGLES: Final = (
    "sum({p})", "sum({p} * {p} * {p})", "count(*) FILTER ({p} >= 1)", "count(*) FILTER ({p} > 0)",
    "sum({p} * coalesce(talk_seconds, 0))", "sum({p} * from_visits::INTEGER)",
)  # fmt: skip
"""Of a place `p` in the shares; the first four are those of domain/tally.py."""


@dataclass(frozen=True, slots=True)
class Block:
    """Sums over calls of one site and outcome, all of them spam or none.

    The first column is that of what stays unknown, then those of the `channels` follow. `singles`
    has a row for each of _SINGLES, `products` for each column.
    """

    site: str | None
    outcome: str | None
    spam: bool
    channels: Sequence[str]
    singles: Sequence[Sequence[float]]
    products: Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class CallSums:
    """Of a day; `numbers` are those that were called, with their sites."""

    numbers: Mapping[str, str | None]
    blocks: Sequence[Block]

    def still_hold(self, sites: Mapping[str, str]) -> bool:
        """Whether the numbers belong to the same `sites` as they did."""
        return all(sites.get(number) == site for number, site in self.numbers.items())


@dataclass(frozen=True, slots=True)
class VisitSums:
    """The visits that began on a day, by channel."""

    visits: Mapping[str, int]


_encode = msgspec.json.Encoder().encode
_call_sums = msgspec.json.Decoder(CallSums)
_visit_sums = msgspec.json.Decoder(VisitSums)


def know_sites(database: duckdb.DuckDBPyConnection, sites: Mapping[str, str]) -> Mapping[str, int]:
    """By number; for all that reads calls afterwards. Returns codes of the sites."""
    codes = {site: code for code, site in enumerate(sorted(set(sites.values())))}
    database.execute(
        "CREATE OR REPLACE TEMP TABLE site AS SELECT unnest($1::VARCHAR[]) AS number,"
        " unnest($2::VARCHAR[]) AS site, unnest($3::INTEGER[]) AS site_code",
        [list(sites), list(sites.values()), [codes[site] for site in sites.values()]],
    )
    return codes


def encoded(database: duckdb.DuckDBPyConnection, files: Mapping[Kind, Path]) -> bytes | None:
    """The sums of a part of a day, of its files; None when they have nothing to add up."""
    if Kind.CALLS in files:
        source = parquet.sealed_source([files[Kind.CALLS]])
        numbers = database.execute(
            f"SELECT DISTINCT number, site FROM {source} LEFT JOIN site USING (number)"
        ).fetchall()
        return _encode(CallSums(dict(numbers), _merged(blocks(database, source))))
    if Kind.VISITS in files:
        source = parquet.sealed_source([files[Kind.VISITS]])
        return _encode(VisitSums(visits(database, source)))
    return None


def of_calls(file: Path) -> CallSums:
    """Raises OSError, msgspec.DecodeError."""
    return _call_sums.decode(file.read_bytes())


def of_visits(file: Path) -> VisitSums:
    """Raises OSError, msgspec.DecodeError."""
    return _visit_sums.decode(file.read_bytes())


def visits(
    database: duckdb.DuckDBPyConnection, source: str, condition: str = "true"
) -> Mapping[str, int]:
    """By channel."""
    return dict(
        database.execute(
            f"SELECT channel, count(*) FROM {source} WHERE {condition} GROUP BY channel"
        ).fetchall()
    )


def blocks(
    database: duckdb.DuckDBPyConnection, source: str, condition: str = "true"
) -> list[Block]:
    """Of calls on which the `condition` holds, a block for each pattern of channels."""
    (longest,) = database.execute(
        f"SELECT coalesce(max(len(shares)), 0) FROM {source} WHERE {condition}"
    ).fetchone() or (0,)
    places = [f"p{place}" for place in range(longest + 1)]
    pairs = [(one, other) for other in range(len(places)) for one in range(other + 1)]
    told = [single.format(p=p) for single in _SINGLES for p in places]
    told += [f"sum({places[one]} * {places[other]})" for one, other in pairs]
    shares = "".join(
        f", coalesce(shares[{place}].share, 0) AS p{place}" for place in range(1, len(places))
    )
    found = database.execute(
        f"SELECT site, outcome, spam, channels, {', '.join(told)} FROM (SELECT site, outcome, spam,"
        " talk_seconds, from_visits, [s.channel FOR s IN shares] AS channels,"
        f" unknown AS p0{shares} FROM {source} LEFT JOIN site USING (number) WHERE {condition})"
        " GROUP BY site, outcome, spam, channels"
    )
    patterns = []
    for site, outcome, spam, channels, *values in found.fetchall():
        width, end = len(places), len(_SINGLES) * len(places)
        products = np.zeros((width, width))
        for (one, other), value in zip(pairs, values[end:], strict=True):
            products[one, other] = products[other, one] = value
        singles = np.array(values[:end], dtype=np.float64).reshape(len(_SINGLES), width)
        own = 1 + len(channels)
        patterns.append(
            Block(site, outcome, spam, channels, singles[:, :own].tolist(),
                  products[:own, :own].tolist())
        )  # fmt: skip
    return patterns


def _merged(found: Iterable[Block]) -> list[Block]:
    """One block for each of a site, outcome, and spam or not."""
    groups: dict[tuple[str | None, str | None, bool], list[Block]] = defaultdict(list)
    for one in found:
        groups[one.site, one.outcome, one.spam].append(one)
    merged = []
    for of, some in groups.items():
        names = sorted(channels(some))
        singles, products = _added_up(some, names)
        merged.append(Block(*of, names, singles.tolist(), products.tolist()))
    return merged


def channels(found: Iterable[Block]) -> set[str]:
    return {name for one in found for name in one.channels}


def _added_up(found: Iterable[Block], names: Sequence[str]) -> tuple[Floats, Floats]:
    """Singles and products; the columns are UNKNOWN and the `names`."""
    codes = {name: UNKNOWN + 1 + code for code, name in enumerate(names)}
    width = 1 + len(names)
    singles, products = np.zeros((len(_SINGLES), width)), np.zeros((width, width))
    for one in found:
        places = [UNKNOWN, *(codes[name] for name in one.channels)]
        singles[:, places] += one.singles
        products[np.ix_(places, places)] += one.products
    return singles, products


@dataclass(frozen=True, slots=True)
class Added:
    """What calls come to, by column: UNKNOWN, then the channels."""

    sites: Mapping[str | None, Sums]
    answered: Floats
    talk_seconds: Floats
    from_visits: Floats


def added(found: Sequence[Block], names: Sequence[str]) -> Added:
    by_site: dict[str | None, list[Block]] = defaultdict(list)
    for one in found:
        by_site[one.site].append(one)
    talk, visited = np.zeros(1 + len(names)), np.zeros(1 + len(names))
    sites = {}
    for site, some in by_site.items():
        (first, cubes, certain, possible, *more), products = _added_up(some, names)
        sites[site] = Sums(first, cubes, certain, possible, products)
        talk, visited = talk + more[0], visited + more[1]
    (answered, *_), _ = _added_up([one for one in found if one.outcome == Outcome.ANSWERED], names)
    return Added(sites, answered, talk, visited)
