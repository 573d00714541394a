"""Nonces of our digest challenges: made without keeping any, each use of one accepted once."""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

_HEAD: Final = struct.Struct(">d8s")  # when it was made, and noise
_SEAL: Final = 16
_WINDOW: Final = 64
"""So far may counts overtake each other: calls at once reuse a nonce, and UDP reorders them."""

_KEPT: Final = 100_000


class NonceState(Enum):
    """`STALE`: it was ours and is too old. `FOREIGN`: never ours, or made for another source."""

    FRESH = auto()
    STALE = auto()
    FOREIGN = auto()


@dataclass
class _Uses:
    made: float
    highest: int = 0
    seen: int = 0  # bit n: count `highest - n` was used

    def take(self, count: int) -> bool:
        if count < 1:
            return False
        if count > self.highest:
            step = count - self.highest
            kept = 0 if step >= _WINDOW else self.seen << step
            self.seen = (kept | 1) & ((1 << _WINDOW) - 1)
            self.highest = count
            return True
        age = self.highest - count
        if age >= _WINDOW or self.seen >> age & 1:
            return False
        self.seen |= 1 << age
        return True


class Nonces:
    """A nonce holds `seconds`, for the source that it was made for alone.

    A challenge costs no memory, so a flood of strangers fills none; uses are remembered from the
    first right response on, and only as long as the nonce lives. Moments are seconds of a clock
    that never goes back.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._key = secrets.token_bytes(32)
        self._uses: OrderedDict[str, _Uses] = OrderedDict()
        self._forgotten = float("-inf")

    def make(self, source: str, now: float) -> str:
        head = _HEAD.pack(now, secrets.token_bytes(8))
        return base64.urlsafe_b64encode(head + self._seal(head, source)).decode()

    def state(self, nonce: str, source: str, now: float) -> NonceState:
        made = self._made(nonce, source)
        if made is None:
            return NonceState.FOREIGN
        is_old = now - made > self._seconds or made <= self._forgotten
        return NonceState.STALE if is_old else NonceState.FRESH

    def use(self, nonce: str, source: str, count: int, now: float) -> bool:
        """Note use number `count` of a fresh `nonce`; false when it was used before."""
        made = self._made(nonce, source)
        if made is None:
            return False
        uses = self._uses.setdefault(nonce, _Uses(made))
        self._forget(now)
        return uses.take(count)

    def _forget(self, now: float) -> None:
        while self._uses:
            nonce, uses = next(iter(self._uses.items()))
            is_full = len(self._uses) > _KEPT
            if not is_full and now - uses.made <= self._seconds:
                return
            del self._uses[nonce]
            # What can no longer be told from a replay must not be taken again.
            self._forgotten = max(self._forgotten, uses.made) if is_full else self._forgotten

    def _made(self, nonce: str, source: str) -> float | None:
        try:
            raw = base64.b64decode(nonce, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        head, seal = raw[: _HEAD.size], raw[_HEAD.size :]
        if not hmac.compare_digest(seal, self._seal(head, source)):
            return None
        return float(_HEAD.unpack(head)[0])

    def _seal(self, head: bytes, source: str) -> bytes:
        return hmac.digest(self._key, head + source.encode(), hashlib.sha256)[:_SEAL]
