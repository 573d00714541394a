"""Which partitions statements touch: a database distributed by account has a shard for each.

`Watched` connections have every statement explained with what it is given, right before it runs
and undone. So whatever a test makes a store do is seen, and no list of statements is kept. Of a
Citus cluster the coordinator says how many shards it would ask, and whether it would gather
anything in between.
"""

import contextlib
import json
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg

from tests import citus

_STATEMENT = re.compile(r"\s*(?:WITH|SELECT|INSERT|UPDATE|DELETE)\b").match
_PARTITION = re.compile(r"(\w+)_p\d+").fullmatch
_GATHERED = "gathered"
_HOW = "FORMAT JSON" if citus.URL else "ANALYZE, FORMAT JSON, TIMING OFF"
"""What a cluster does needs not be tried out: the coordinator knows."""


@dataclass(frozen=True, slots=True)
class Touch:
    """A statement with the accounts its first value names, and the partitions by table."""

    statement: str
    accounts: frozenset[int]
    partitions: Mapping[str, frozenset[str]] | None
    """None: it could not be explained though it ran."""

    @property
    def strays(self) -> bool:
        """Whether it looks where none of its accounts can be."""
        if self.partitions is None:
            return True
        if _GATHERED in self.partitions:
            return True
        most = 1 if citus.URL else max(1, len(self.accounts))
        return any(len(some) > most for some in self.partitions.values())


if TYPE_CHECKING:
    _Connection = asyncpg.Connection[asyncpg.Record]
else:
    _Connection = asyncpg.Connection


class Watched(_Connection):
    """Statements run through its public methods only."""

    seen: "list[Touch]" = []  # noqa: RUF012 - of all connections; `watching` replaces it

    async def execute(self, query: str, *args: Any, **how: Any) -> Any:
        return await self._explained(super().execute, query, args, how)

    async def fetch(self, query: str, *args: Any, **how: Any) -> Any:
        return await self._explained(super().fetch, query, args, how)

    async def fetchrow(self, query: str, *args: Any, **how: Any) -> Any:
        return await self._explained(super().fetchrow, query, args, how)

    async def fetchval(self, query: str, *args: Any, **how: Any) -> Any:
        return await self._explained(super().fetchval, query, args, how)

    async def cursor(  # type: ignore[override]  # asyncpg's may be awaited as well
        self, query: str, *args: Any, **how: Any
    ) -> Any:
        """To be awaited, not to be looped over."""
        return await self._explained(super().cursor, query, args, how)

    async def _explained(
        self,
        run: Callable[..., Awaitable[Any]],
        query: str,
        args: tuple[Any, ...],
        how: dict[str, Any],
    ) -> Any:
        if not _STATEMENT(query):
            return await run(query, *args, **how)
        touched = await self._touched(query, args)
        answer = await run(query, *args, **how)
        self.seen.append(Touch(query, _accounts(args), touched))
        return answer

    async def _touched(
        self, query: str, args: Collection[Any]
    ) -> Mapping[str, frozenset[str]] | None:
        """None of a statement that fails: what it says is for the store to hear."""
        explain = f"EXPLAIN ({_HOW}) {query}"
        plan = None
        with contextlib.suppress(asyncpg.PostgresError, _Undo):
            async with self.transaction():
                # A nested loop finds the one partition by the row at hand: only an account named
                # beside the table itself sends the whole statement to one shard.
                await super().execute("SET LOCAL enable_nestloop = off; SET LOCAL jit = off")
                plan = json.loads(await super().fetchval(explain, *args))
                raise _Undo
        return plan and _touched(plan)


class _Undo(Exception):  # noqa: N818 - nothing went wrong
    """Ends a transaction."""


@contextlib.contextmanager
def watching(patch: Any) -> Iterator[list[Touch]]:
    """What connections made from now on do; `patch` is pytest's monkeypatch."""
    Watched.seen = []
    for name in ("connect", "create_pool"):
        plain = getattr(asyncpg, name)
        patch.setattr(asyncpg, name, _with(plain))
    yield Watched.seen


def _with(plain: Any) -> Any:
    def make(*args: Any, **how: Any) -> Any:
        return plain(*args, **how, connection_class=Watched)

    return make


def _accounts(args: Collection[Any]) -> frozenset[int]:
    first = next(iter(args), None)
    if isinstance(first, int):
        return frozenset({first})
    if isinstance(first, list) and all(isinstance(one, int) for one in first):
        return frozenset(first)
    return frozenset()


def _touched(plan: Any) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for node in _nodes(plan[0]["Plan"]):
        if str(node.get("Custom Plan Provider", "")).startswith("Citus"):
            found |= _asked(node)
        of = _PARTITION(node.get("Relation Name", ""))
        if of and "Scan" in node["Node Type"] and node["Actual Loops"] > 0:
            found[of[1]].add(of[0])
    return {table: frozenset(parts) for table, parts in found.items()}


def _asked(node: Mapping[str, Any]) -> dict[str, set[str]]:
    """What a coordinator asks the nodes, as shards of the whole statement."""
    query = node.get("Distributed Query", {})
    if "Job" not in query or "Subplans" in query:
        return {_GATHERED: {node["Custom Plan Provider"]}}
    return {"shards": {str(number) for number in range(query["Job"]["Task Count"])}}


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)
