"""When each gateway was heard last."""

from collections.abc import Iterable, Mapping

from ringtrace.domain.account import TokenOwner
from ringtrace.domain.call import GatewayKind
from ringtrace.services.ports import Clock


class GatewaySigns:
    """In memory: after a restart a gateway is unheard until it speaks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: dict[TokenOwner, int] = {}

    def note(self, owner: TokenOwner) -> None:
        """The gateway of `owner` has just spoken."""
        self._last[owner] = self._clock()

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
