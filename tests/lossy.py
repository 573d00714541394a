"""A wire that loses packets: a UDP relay between two addresses."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import cast

Address = tuple[str, int]


@dataclass
class Wire(asyncio.DatagramProtocol):
    """What `left` sends goes to `right`, and everything else to `left`, but for `loss` of it."""

    left: Address
    right: Address
    loss: float
    dice: random.Random
    passed: int = 0
    lost: int = 0
    address: Address = field(default=("", 0))
    _transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.address = transport.get_extra_info("sockname")

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if self.dice.random() < self.loss:
            self.lost += 1
            return
        self.passed += 1
        assert self._transport is not None
        self._transport.sendto(data, self.right if addr == self.left else self.left)


@contextlib.asynccontextmanager
async def lossy(
    at: Address, left: Address, right: Address, *, loss: float, seed: int
) -> AsyncIterator[Wire]:
    """The wire between `left` and `right`, which both know it as `at`."""
    dice = random.Random(seed)  # noqa: S311 - to be repeated
    transport, wire = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Wire(left, right, loss, dice), local_addr=at
    )
    yield wire
    transport.close()
