"""ApplicationStorage: the platform's small key-value store, kept between sessions."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

KEY_CHARACTERS = 200
VALUE_CHARACTERS = 2000
LONGEST_SECONDS = 7_776_000


class StorageError(Exception):
    """The platform refuses: too long a key or value, or the store is away."""


@dataclass(frozen=True, slots=True)
class Entry:
    value: str
    expires: float | None
    """Seconds since 1970, or None when it never does."""


@dataclass(slots=True)
class Storage:
    """Pass the same one to several sessions of an application.

    `away` makes every request fail; `silent` leaves every request without an answer.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    away: bool = False
    silent: bool = False

    def get(self, key: str, now: float) -> str | None:
        """Return the value, or None when unknown or expired at `now` (seconds since 1970)."""
        entry = self.entries.get(_key(key))
        if entry is None or (entry.expires is not None and entry.expires <= now):
            return None
        return entry.value

    def put(self, key: str, value: str, ttl: float | None, now: float) -> None:
        """Keep `value` for `ttl` seconds, for ever when None."""
        if len(value) > VALUE_CHARACTERS:
            raise StorageError(f"value: longer than {VALUE_CHARACTERS} characters")
        if ttl is not None and not 0 < ttl <= LONGEST_SECONDS:
            raise StorageError(f"ttl: must be between 1 and {LONGEST_SECONDS} seconds")
        self.entries[_key(key)] = Entry(value, None if ttl is None else now + ttl)

    def remove(self, key: str) -> str | None:
        entry = self.entries.pop(_key(key), None)
        return None if entry is None else entry.value

    def keys(self, pattern: str, count: int | None, now: float) -> list[str]:
        live = [key for key in self.entries if self.get(key, now) is not None]
        return [key for key in live if fnmatchcase(key, pattern)][:count]


def _key(key: str) -> str:
    if not 0 < len(key) <= KEY_CHARACTERS:
        raise StorageError(f"key: must have 1 to {KEY_CHARACTERS} characters")
    return key
