"""Days of traffic as sealed files, made without a server: many, and the same every time."""

import sqlite3
from pathlib import Path
from string import Template
from typing import Final

import duckdb

from ringtrace.domain.moment import day_name
from ringtrace.services.lake import Kind, Part
from ringtrace.store.lake import manifest as manifests
from ringtrace.store.lake import parquet, sums
from ringtrace.store.lake.manifest import SealedPart
from ringtrace.store.lake.place import LakeFolder
from ringtrace.store.lake.putting import put, put_made
from ringtrace.store.lake.ready import make_ready

DAYS: Final = 90
LAST: Final = 20_700
NUMBERS: Final = 200
_AS_SEALED: Final = "INSERT INTO days (account_id, part, day, mark) VALUES (?, ?, ?, ?)"
_CHANNELS = "['Paid Search', 'Organic', 'Direct', 'Email', 'Social', 'Referral', 'Maps', 'Radio']"

# Three of ten call the same number again, a lognormal time later (domain/repeat.py).
_CALLS = """
CREATE TEMP TABLE call AS
SELECT *, (began // 86400000)::INTEGER AS day, random() AS a, random() AS b, random() AS c,
  (random() * 96)::INTEGER AS pattern
FROM (
  SELECT caller, turn, ($first + first * $days) * 86400000::BIGINT
    + sum(CASE WHEN turn = 0 THEN 0 ELSE delay END)
      OVER (PARTITION BY caller ORDER BY turn) AS began
  FROM (
    SELECT caller, first, unnest(range(turns)) AS turn,
      (72e6 * exp(1.5 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())))::BIGINT AS delay
    FROM (
      SELECT i AS caller, random() AS first,
        1 + least(20, floor(ln(1 - random()) / ln(0.3)))::BIGINT AS turns
      FROM range(($rows * 0.73)::BIGINT) r(i)
    )
  )
)
"""
_CALLS_OF_DAY = """
SELECT 'sip' AS gateway, format('{}-{}', caller, turn) AS call_id,
  format('+1202555{:04d}', caller % $numbers) AS number, format('+1303{:07d}', caller) AS caller,
  epoch_ms(began::BIGINT) AS started_at,
  CASE WHEN hash(caller, turn) % 10 < 8 THEN 'answered' ELSE 'missed' END AS outcome,
  NULL::VARCHAR AS reason, 200::BIGINT AS code, NULL::VARCHAR AS target,
  b * 20 AS ring_seconds, c * 300 AS talk_seconds, '[]' AS legs,
  NULL::VARCHAR AS recording_url, NULL::DOUBLE AS recording_seconds,
  NULL::BIGINT AS recording_channels, NULL::VARCHAR AS session, 'backend' AS plan_source,
  NULL::VARCHAR AS node, NULL::VARCHAR AS digits, NULL::VARCHAR AS flow,
  NULL::VARCHAR AS audio_format, NULL::VARCHAR AS audio_sha256,
  hash(turn, caller) % 100 < 3 AS spam, 'exposures' AS basis, 'm' AS model,
  1 - 0.6 * a - 0.2 * b - 0.1 * c AS unknown,
  CASE WHEN turn = 0 THEN 0 ELSE 0.4 + 0.6 * a END AS repeat, true AS from_visits,
  [{'channel': $channels[1 + pattern % 8], 'share': 0.6 * a},
   {'channel': $channels[1 + (pattern + 1 + pattern // 8 % 3) % 8], 'share': 0.2 * b},
   {'channel': $channels[1 + (pattern + 4 + pattern // 24) % 8], 'share': 0.1 * c}] AS shares
FROM call WHERE day = $day
"""
_VISITS_OF_DAY = """
SELECT md5((random() * 1e18)::VARCHAR) AS visit_id, md5((random() * 1e7)::VARCHAR) AS visitor_id,
  'shop' AS site_key, began AS started_at, began AS seen_at, began AS left_at,
  NULL::TIMESTAMP AS contact_at, NULL::TIMESTAMP AS tapped_at, 'desktop' AS device,
  $channels[1 + i % 8] AS channel,
  'google' AS source, 'cpc' AS medium, format('campaign-{}', i % 200) AS campaign,
  format('term-{}', i % 5000) AS term, NULL::VARCHAR AS content, NULL::VARCHAR AS click_id_type,
  NULL::VARCHAR AS click_id, format('shop.example/{}', i % 300) AS landing_page,
  NULL::VARCHAR AS reason, format('+1202555{:04d}', i % $numbers) AS number,
  NULL::VARCHAR AS extension
FROM (SELECT i, epoch_ms($day * 86400000::BIGINT + (random() * 86399000)::BIGINT) AS began
  FROM range($rows) r(i))
"""


def fill(folder: Path, place: LakeFolder, account_id: int, visits: int, calls: int) -> None:
    """Sealed days that the store in the `folder` knows to be as they are."""
    store = sqlite3.connect(folder / "ringtrace.db")
    with parquet.connect(folder, memory="2GB", threads=2) as database:
        sums.know_sites(database, {})
        database.execute("SELECT setseed(0.5)")
        database.execute(_query(_CALLS, rows=calls, first=LAST - DAYS, days=DAYS))
        for day in range(LAST - DAYS, LAST):
            manifest = manifests.Manifest(account_id, day_name(day))
            for part, kind, query in (
                (Part.CALLS, Kind.CALLS, _query(_CALLS_OF_DAY, day=day)),
                (Part.TRAFFIC, Kind.VISITS, _query(_VISITS_OF_DAY, day=day, rows=visits // DAYS)),
            ):
                sealed = _sealed(database, folder, place, (account_id, day), kind, query)
                manifest = manifest.having(part, sealed)
                store.execute(_AS_SEALED, (account_id, part, day, day))
            manifests.keep(place, manifest)
    make_ready(place, account_id, {}, folder)
    store.commit()
    store.close()


def _sealed(
    database: duckdb.DuckDBPyConnection, folder: Path, place: LakeFolder, of: tuple[int, int],
    kind: Kind, query: str,
) -> SealedPart:  # fmt: skip
    account_id, day = of
    part = Part.CALLS if kind is Kind.CALLS else Part.TRAFFIC
    target = folder / "made.parquet"
    parquet.copy(database, query, kind, target)
    found = database.execute("SELECT count(*) FROM read_parquet(?)", [str(target)])
    (rows,) = found.fetchone() or (0,)
    file = put(place, account_id, kind, day, target, (rows, ""))
    made = sums.encoded(database, {kind: target})
    name = put_made(place, account_id, part, day, "sums", made)
    return SealedPart(str(day), 0, {kind: file}, name)


def _query(text: str, **values: int) -> str:
    return Template(text).substitute(values, numbers=NUMBERS, channels=_CHANNELS)
