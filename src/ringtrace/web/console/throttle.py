"""How often somebody may try to sign in. In memory alone: a restart forgives."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from ringtrace.domain.moment import MINUTE_MS
from ringtrace.services.neighbours import NOBODY, Neighbours, SignedIn, SignInTried

_ASK_SECONDS: Final = 0.5
_FORGET_MS = 15 * MINUTE_MS
_MOST_KEYS = 10_000


@dataclass(slots=True)
class _Tries:
    count: int
    last_at: int
    until: int


@dataclass(frozen=True, slots=True)
class _Rule:
    """After `free` failures each further one makes the next wait twice as long."""

    free: int
    longest_ms: int


# A login's wait stays short, or anybody could lock its owner out.
_ADDRESS = _Rule(free=10, longest_ms=_FORGET_MS)
_LOGIN = _Rule(free=5, longest_ms=30_000)


@dataclass(slots=True)
class SignInThrottle:
    """Tries are counted before the password is looked at, so that many at once gain nothing."""

    _tries: OrderedDict[tuple[str, str], _Tries] = field(default_factory=OrderedDict)

    def attempt(self, address: str, login: str, at: int) -> int:
        """Count a try at `at` (ms since 1970); answers ms to wait, 0 when it may be made."""
        pairs = ((("address", address), _ADDRESS), (("login", login.lower()), _LOGIN))
        waits = [self._wait(key, at) for key, _ in pairs]
        if max(waits) > 0:
            return max(waits)
        for key, rule in pairs:
            self._count(key, rule, at)
        return 0

    def succeeded(self, address: str, login: str) -> None:
        """Forget the login's failures; of the address's only this try: others may sit behind it."""
        self._tries.pop(("login", login.lower()), None)
        tries = self._tries.get(("address", address))
        if tries is not None:
            tries.count -= 1
            tries.until = 0

    def _wait(self, key: tuple[str, str], at: int) -> int:
        tries = self._tries.get(key)
        # After a clock went back nobody waits until it has caught up.
        if tries is None or at < tries.last_at:
            return 0
        return max(0, tries.until - at)

    def _count(self, key: tuple[str, str], rule: _Rule, at: int) -> None:
        tries = self._tries.pop(key, None)
        if tries is None or at - max(tries.last_at, tries.until) > _FORGET_MS or at < tries.last_at:
            tries = _Tries(0, at, 0)
        tries.count += 1
        tries.last_at = at
        over = tries.count - rule.free
        if over >= 0:
            tries.until = at + min(rule.longest_ms, 1_000 * 2 ** min(over, 20))
        self._tries[key] = tries
        while len(self._tries) > _MOST_KEYS:
            self._tries.popitem(last=False)


class SignInTries:
    """Counted by all neighbours together, and here alone while nobody else does."""

    def __init__(self, neighbours: Neighbours = NOBODY) -> None:
        self._neighbours = neighbours
        self._own = SignInThrottle()

    async def attempt(self, address: str, login: str, at: int) -> int:
        """As `SignInThrottle.attempt`."""
        wait: int | None = await self._neighbours.ask(SignInTried(address, login), _ASK_SECONDS)
        return self._own.attempt(address, login, at) if wait is None else wait

    def succeeded(self, address: str, login: str) -> None:
        self._own.succeeded(address, login)
        self._neighbours.post(SignedIn(address, login))
