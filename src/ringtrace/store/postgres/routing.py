"""Which commands can be written together: those of accounts whose rows lie on one node."""

from typing import Final, Protocol


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
