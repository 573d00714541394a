"""The moment and the ids of the real world."""

import secrets
import time

from ringtrace.domain.identity import NOISE_BITS, uuid7


def now() -> int:
    """Ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


def new_id(at: int) -> str:
    """`at` is ms since 1970 UTC."""
    return uuid7(at, secrets.randbits(NOISE_BITS))
