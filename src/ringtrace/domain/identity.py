"""Ids made by us that sort by time."""

from typing import Final

NOISE_BITS: Final = 74
_LOW: Final = (1 << 62) - 1


def uuid7(at: int, noise: int) -> str:
    """A version 7 UUID (RFC 9562 5.7) of the moment `at` (ms since 1970 UTC).

    `noise` is NOISE_BITS random bits.
    """
    value = at << 80 | 0x7 << 76 | (noise >> 62) << 64 | 0b10 << 62 | noise & _LOW
    digits = f"{value:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
