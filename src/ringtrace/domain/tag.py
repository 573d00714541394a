"""Tags: words by which people sort their calls, and flows the callers of earlier ones."""

import re
import unicodedata
from typing import Final

LONGEST: Final = 32
"""Characters of a tag."""

MOST: Final = 20
"""Tags of one call."""

_TAG = re.compile(rf"[^\W_][\w-]{{0,{LONGEST - 1}}}")


class TagInvalidError(ValueError):
    """The text is no tag."""


def read_tag(text: str) -> str:
    """The tag that somebody typed: one word in lower case, in whatever script.

    Raises TagInvalidError.
    """
    tag = unicodedata.normalize("NFC", text.strip().lower())
    if not _TAG.fullmatch(tag):
        message = f"a word of 1 to {LONGEST} letters, digits, - or _ is needed"
        raise TagInvalidError(message)
    return tag


def is_tag(text: str) -> bool:
    """Whether it is written as tags are kept."""
    try:
        return read_tag(text) == text
    except TagInvalidError:
        return False
