"""What servers that lease from one pool tell each other: leases and signs of life, in order.

An entry is a short list, the first item says its kind; a log row holds the entries of one version
of its pool.
"""

from collections.abc import Iterable
from typing import TypeAlias

import msgspec

from ringtrace.domain.leasing import Lease
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.site_pool import SitePool


class Leased(msgspec.Struct, frozen=True, array_like=True, tag="lease"):
    """A visit was leased a number at `at`, ms since 1970 UTC."""

    visit: str
    visitor: str
    at: int
    channel: str
    keyword: str | None
    number: str
    extension: str | None = None
    given: bool = False


class Seen(msgspec.Struct, frozen=True, array_like=True, tag="seen"):
    visit: str
    at: int


class Left(msgspec.Struct, frozen=True, array_like=True, tag="left"):
    visit: str
    at: int


Entry: TypeAlias = Leased | Seen | Left

_encode = msgspec.json.Encoder().encode
_entries = msgspec.json.Decoder(list[Entry])


def write(entries: Iterable[Entry]) -> str:
    return _encode(list(entries)).decode()


def follow(pool: SitePool, log: str) -> None:
    """Do in memory what another server did."""
    for one in _entries.decode(log):
        match one:
            case Leased(visit, visitor, at, channel, keyword, number, extension, given):
                made = Lease(number, new=True, extension=extension, given=given)
                pool.follow(made, visit, visitor, at, (channel, keyword))
            case Seen(visit, at):
                pool.leases.seen(visit, at)
            case Left(visit, at):
                pool.leases.leave(visit, at)


async def renew(connection: Connection, account_id: int, sites: Iterable[str] | None) -> None:
    """The pools of these sites, None: of all, are not what they were: everybody reads them anew."""
    chosen = "account_id = $1 AND ($2::text[] IS NULL OR site_key = ANY($2))"
    keys = (account_id, None if sites is None else sorted(sites))
    # In order, as all who lock pools.
    await connection.fetch(
        f"SELECT version FROM pools WHERE {chosen} ORDER BY site_key FOR UPDATE", *keys
    )
    await connection.execute(f"UPDATE pools SET version = version + 1 WHERE {chosen}", *keys)
    await connection.execute(f"DELETE FROM pool_log WHERE {chosen}", *keys)
