"""How the rows of a batch of hits are written: all by one statement, or one statement a table.

`account_id = ANY($1)` stands beside every table and the account's own row in every insert, so that
each can be sent to the node that keeps these accounts. A distributed database sends no statement
there that inserts in a part of it: it has the parts one after the other, in one transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ringtrace.domain.moment import DAY_MS
from ringtrace.services.lake import Part
from ringtrace.store.marks import new_mark
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.rowset import unnested

Row: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Rows:
    """What a batch brings of one kind: types and names of the columns, `account_id` first."""

    types: Sequence[str]
    names: str

    def table(self, slot: int) -> str:
        return f"{unnested(self.types, slot)} u ({self.names})"


TABLES: Final[Mapping[str, _Rows]] = {
    "pools": _Rows(
        ("bigint", "text", "bigint", "bigint", "text", "bigint", "bigint"),
        "account_id, site_key, was, now, log, at, trim",
    ),
    "begun": _Rows(
        ("bigint", "text", "text", "text", "bigint", "bigint", *("text",) * 13, *("bigint",) * 5),
        "account_id, visit_id, visitor_id, site_key, started_at, begun_at, device, channel, source,"
        " medium, campaign, term, content, click_id_type, click_id, landing_page, reason, number,"
        " extension, shown_at, seen_at, left_at, contact_at, tapped_at",
    ),
    "turns": _Rows(("bigint", "text", "integer"), "account_id, number, turn"),
    "hits": _Rows(
        ("bigint", "text", "bigint", "text", "text", "boolean", "boolean"),
        "account_id, visit_id, at, kind, path, fresh, returned",
    ),
    "signs": _Rows(
        ("bigint", "text", "bigint", "bigint", "bigint", "bigint"),
        "account_id, visit_id, seen_at, left_at, contact_at, tapped_at",
    ),
    "days": _Rows(("bigint", "bigint"), "account_id, day"),
}
"""The kinds of rows, in the order of a statement's arrays."""

# {pools}, {begun}, … stand for rows of a batch as `u`; {ok} for more to take from where there is
# something to ask before, and {if_ok} for the question.
_HELD: Final = """
  SELECT p.version FROM pools p
  JOIN {pools} ON u.account_id = p.account_id AND u.site_key = p.site_key
  WHERE p.account_id = ANY($1) AND p.version = u.was
  ORDER BY p.account_id, p.site_key FOR UPDATE OF p
"""
_CLAIMED: Final = {
    "moved": """
  UPDATE pools p SET version = u.now FROM {pools}{ok}
  WHERE {if_ok} p.account_id = u.account_id AND p.site_key = u.site_key
    AND p.account_id = ANY($1) AND u.now > u.was
""",
    "trimmed": """
  DELETE FROM pool_log l USING {pools}{ok}
  WHERE {if_ok} l.account_id = u.account_id AND l.site_key = u.site_key
    AND l.account_id = ANY($1) AND l.version <= u.trim
""",
}
_WRITTEN: Final = {
    "logged": """
  INSERT INTO pool_log (account_id, site_key, version, entries, at)
  SELECT t.account_id, u.site_key, u.now, u.log::json, u.at
  FROM accounts t JOIN {pools} ON u.account_id = t.account_id{ok}
  WHERE {if_ok} t.account_id = ANY($1) AND u.log IS NOT NULL
""",
    "visited": """
  INSERT INTO visits (account_id, visit_id, visitor_id, site_key, started_at, device,
    channel, source, medium, campaign, term, content, click_id_type, click_id, landing_page,
    reason, number, extension, seen_at, left_at, contact_at, tapped_at)
  SELECT t.account_id, u.visit_id, u.visitor_id, u.site_key, u.started_at, u.device,
    u.channel, u.source, u.medium, u.campaign, u.term, u.content, u.click_id_type, u.click_id,
    u.landing_page, u.reason, u.number, u.extension, u.seen_at, u.left_at, u.contact_at, u.tapped_at
  FROM accounts t JOIN {begun} ON u.account_id = t.account_id{ok}
  WHERE {if_ok} t.account_id = ANY($1)
  ON CONFLICT (account_id, visit_id) DO UPDATE
    SET seen_at = greatest(visits.seen_at, excluded.seen_at), left_at = excluded.left_at,
    contact_at = coalesce(excluded.contact_at, visits.contact_at),
    tapped_at = coalesce(excluded.tapped_at, visits.tapped_at)
  RETURNING visits.account_id, visits.started_at
""",
    "shown": """
  INSERT INTO exposures (account_id, number, shown_at, visit_id, extension)
  SELECT t.account_id, u.number, u.shown_at, u.visit_id, u.extension
  FROM accounts t JOIN {begun} ON u.account_id = t.account_id{ok}
  WHERE {if_ok} t.account_id = ANY($1)
  ON CONFLICT DO NOTHING
""",
    "turned": """
  INSERT INTO extension_turns (account_id, number, turn)
  SELECT t.account_id, u.number, u.turn
  FROM accounts t JOIN {turns} ON u.account_id = t.account_id{ok}
  WHERE {if_ok} t.account_id = ANY($1)
  ON CONFLICT (account_id, number) DO UPDATE SET turn = excluded.turn
""",
    "noted": """
  INSERT INTO hits (account_id, visit_id, at, kind, path)
  SELECT t.account_id, u.visit_id, u.at, u.kind, u.path
  FROM accounts t JOIN {hits} ON u.account_id = t.account_id
  LEFT JOIN visits v ON v.account_id = u.account_id AND v.visit_id = u.visit_id
    AND v.account_id = ANY($1){ok}
  WHERE {if_ok} t.account_id = ANY($1)
    AND (u.fresh OR v.visit_id IS NOT NULL AND (NOT u.returned OR v.left_at < u.at))
  ON CONFLICT DO NOTHING
""",
    "signed": """
  UPDATE visits v SET seen_at = greatest(v.seen_at, u.seen_at),
    left_at = CASE WHEN u.left_at IS NULL AND v.left_at > u.seen_at THEN v.left_at
      ELSE u.left_at END,
    contact_at = coalesce(u.contact_at, v.contact_at),
    tapped_at = coalesce(u.tapped_at, v.tapped_at)
  FROM {signs}{ok}
  WHERE {if_ok} v.account_id = u.account_id AND v.visit_id = u.visit_id
    AND v.account_id = ANY($1)
  RETURNING v.account_id, v.started_at
""",
}
"""Whether a visit had left is asked ("noted") before its signs are written ("signed")."""

# Last, so that servers that write for one account wait for each other in one order.
_MARKED: Final = """
  INSERT INTO days (account_id, part, day, mark)
  SELECT t.account_id, '{traffic}', u.day, {mark}::bigint
  FROM accounts t JOIN {changed} ON u.account_id = t.account_id WHERE t.account_id = ANY($1)
  ORDER BY t.account_id, u.day
  ON CONFLICT (account_id, part, day) DO UPDATE SET mark = excluded.mark
"""
_BEGAN_EARLIER: Final = ("visited", "signed")
"""What they return are days that a batch changes beside those of its own moments."""

_SOURCES: Final = {
    "logged": "pools",
    "visited": "begun",
    "shown": "begun",
    "turned": "turns",
    "noted": "hits",
    "signed": "signs",
}


def _in_one() -> str:
    """Pools are locked first; all else is done only if every version is as it was."""
    slots: dict[str, str] = {}
    slot = 2
    for name, one in TABLES.items():
        slots[name] = one.table(slot)
        slot += len(one.types)
    # What two parts take from is unpacked once.
    begun = {"begun": f"SELECT u.* FROM {slots['begun']}, ok WHERE ok.yes"}
    changed = {
        "changed": f"SELECT u.account_id, u.day FROM {slots['days']}, ok WHERE ok.yes"
        + "".join(
            f" UNION SELECT account_id, started_at / {DAY_MS} FROM {part}"
            for part in _BEGAN_EARLIER
        ),
        "marked": _MARKED.format(traffic=Part.TRAFFIC, mark=f"${slot}", changed="changed u"),
    }
    return _with(_CLAIMED | begun | _WRITTEN | changed, slots | {"begun": "begun u"})


def _with(parts: Mapping[str, str], slots: Mapping[str, str]) -> str:
    asked = {
        "held": _HELD,
        "ok": " SELECT count(*) = cardinality($2) AS yes FROM held",
        **parts,
    }
    said = (
        f"{name} AS ({part.format(**slots, ok=', ok', if_ok='ok.yes AND')})"
        for name, part in asked.items()
    )
    return f"WITH {', '.join(said)} SELECT yes FROM ok"


_LOG: Final = 4
"""Where a row of `pools` has its entry of the log."""

_IN_ONE: Final = _in_one()
_CLAIM: Final = _with(_CLAIMED, {"pools": TABLES["pools"].table(2)})
_MARK: Final = _MARKED.format(traffic=Part.TRAFFIC, mark="$4", changed=TABLES["days"].table(2))
_APART: Final = {
    name: part.format(**{_SOURCES[name]: TABLES[_SOURCES[name]].table(2)}, ok="", if_ok="")
    for name, part in _WRITTEN.items()
}


async def write_in_one(
    connection: Connection, accounts: Sequence[int], rows: Mapping[str, Sequence[Row]]
) -> bool:
    """`rows` by name of TABLES. Answers whether all pools had the version they were known by."""
    arrays = [column for name in TABLES for column in _columns(name, rows[name])]
    return bool(await connection.fetchval(_IN_ONE, accounts, *arrays, new_mark()))


async def write_apart(
    connection: Connection, accounts: Sequence[int], rows: Mapping[str, Sequence[Row]]
) -> bool:
    """As `write_in_one`, for accounts of one shard."""
    async with connection.transaction():
        claimed = await connection.fetchval(_CLAIM, accounts, *_columns("pools", rows["pools"]))
        if not claimed:
            return False
        days = set(rows["days"])
        for name, statement in _APART.items():
            source = _SOURCES[name]
            told = [row for row in rows[source] if name != "logged" or row[_LOG] is not None]
            if told:
                found = await connection.fetch(statement, accounts, *_columns(source, told))
                days |= {(account_id, began // DAY_MS) for account_id, began in found}
        await connection.execute(_MARK, accounts, *_columns("days", sorted(days)), new_mark())
    return True


def _columns(name: str, rows: Sequence[Row]) -> list[list[object]]:
    """What `unnest` wants."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in TABLES[name].types]
