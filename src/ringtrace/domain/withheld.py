"""What networks write where a caller's number should stand when he withholds it."""

from typing import Final

_WORDS: Final = frozenset(
    {
        "anonymous", "blocked", "hidden", "nocallerid", "outofarea", "private", "privatenumber",
        "restricted", "unavailable", "unknown", "unknownnumber", "withheld",
    }
)  # fmt: skip

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_KEYS: Final = str.maketrans(_LETTERS, "22233344455566677778889999")
"""Of a telephone's keypad (ITU-T E.161)."""

_NUMBERS: Final = frozenset(f"+{word.translate(_KEYS)}" for word in _WORDS)
"""Gateways that can pass on nothing but digits spell the words: +266696687 is ANONYMOUS."""


def is_withheld(caller: str) -> bool:
    """Whether `caller`, as a gateway delivered it, names nobody."""
    text = caller.strip().lower()
    word = "".join(letter for letter in text if letter.isalnum())
    return not word or word in _WORDS or text in _NUMBERS
