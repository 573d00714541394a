"""When each gateway was heard last."""

from collections.abc import Iterable, Mapping
from typing import Final

from ringtrace.domain.account import TokenOwner
from ringtrace.domain.call import GatewayKind
from ringtrace.services.neighbours import NOBODY, GatewaysHeard, Joined, Neighbours
from ringtrace.services.ports import Clock

_TOLD_AGAIN_MS: Final = 1_000


class GatewaySigns:
    """In memory: after a restart a gateway is unheard until it speaks."""

    def __init__(self, clock: Clock, neighbours: Neighbours = NOBODY) -> None:
        self._clock = clock
        self._neighbours = neighbours
        self._last: dict[TokenOwner, int] = {}
        self._told: dict[TokenOwner, int] = {}

    def note(self, owner: TokenOwner) -> None:
        """The gateway of `owner` has just spoken."""
        at = self._last[owner] = self._clock()
        if abs(at - self._told.get(owner, 0)) >= _TOLD_AGAIN_MS:
            self._told[owner] = at
            self._neighbours.tell(GatewaysHeard([(owner, at)]))

    def hear_gateways(self, heard: GatewaysHeard) -> None:
        for owner, at in heard.signs:
            self._last[owner] = max(at, self._last.get(owner, 0))

    def hear_joined(self, _: Joined) -> None:
        self._neighbours.tell(GatewaysHeard(list(self._last.items())))

    def all(self) -> Iterable[tuple[TokenOwner, int]]:
        """Of every account: the gateways that spoke, and when (ms since 1970 UTC)."""
        return tuple(self._last.items())

    def last(self, account_id: int) -> Mapping[GatewayKind, int]:
        """The gateways that an account was called by, each with when (ms since 1970 UTC)."""
        return {
            GatewayKind(owner.kind.value): at
            for owner, at in sorted(self._last.items(), key=lambda one: one[0].kind)
            if owner.account_id == account_id
        }
