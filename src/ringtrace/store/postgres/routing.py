"""Which commands can be written together: those of accounts whose rows lie on one node."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.distribution import ANCHOR

_SHARD: Final = f"SELECT get_shard_id_for_distribution_column('{ANCHOR}', $1::bigint)"


class Router(Protocol):
    async def group(self, account_id: int) -> int:
        """The shard group of an account; what is written in one transaction is of one group."""
        ...

    def forget(self) -> None:
        """Accounts have moved: ask anew."""
        ...


class OneNode:
    """Plain PostgreSQL: all accounts lie together."""

    GROUP: Final = 0

    async def group(self, account_id: int) -> int:  # noqa: ARG002 - the same for all
        return self.GROUP

    def forget(self) -> None:
        return


class Shards:
    """A distributed database: accounts of one shard lie together, whatever node has it.

    `ask` reads the shard of an account, and raises StoreAwayError. It is asked once an account: a
    shard that moves to another node keeps its name, one that is split makes statements fail.
    """

    def __init__(self, ask: Callable[[int], Awaitable[int]]) -> None:
        self._ask = ask
        self._known: dict[int, int] = {}

    async def group(self, account_id: int) -> int:
        found = self._known.get(account_id)
        if found is None:
            found = self._known[account_id] = await self._ask(account_id)
        return found

    def forget(self) -> None:
        self._known.clear()


async def shard(connection: Connection, account_id: int) -> int:
    """Where the account's rows lie, or would lie, in a distributed database."""
    return int(await connection.fetchval(_SHARD, account_id))
