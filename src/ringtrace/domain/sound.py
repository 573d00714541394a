"""Sound files that flows play."""

import re
from typing import Final

LONGEST_SECONDS: Final = 120
"""Of a sound; every gateway plays as much."""

MOST: Final = 100
"""Sounds of one account."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def is_sound_name(text: str) -> bool:
    """Whether a sound can be called so: it is a file name on gateways, without a folder."""
    return _NAME.fullmatch(text) is not None
