"""One table of a case file, read field by field with errors that name the field."""

import math
import re
from collections.abc import Mapping
from typing import overload

_KEYS = frozenset("0123456789*#ABCD")


class CaseError(ValueError):
    """Bad input in a case: `field` is where, the message says what is wanted."""

    def __init__(self, field: str, wanted: str) -> None:
        super().__init__(f"{field}: {wanted}")
        self.field = field


class Table:
    def __init__(self, content: Mapping[str, object], path: str = "") -> None:
        self._content = content
        self._path = path
        self._read: set[str] = set()

    def at(self, name: str) -> str:
        """Return the full path of a field."""
        return f"{self._path}.{name}" if self._path else name

    def names(self) -> tuple[str, ...]:
        return tuple(self._content)

    def raw(self, name: str) -> object:
        self._read.add(name)
        return self._content.get(name)

    def text(self, name: str, default: str | None = None) -> str:
        value = self.raw(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise CaseError(self.at(name), "must be a text")
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self.raw(name) is None else self.text(name)

    @overload
    def seconds(self, name: str) -> float | None: ...
    @overload
    def seconds(self, name: str, default: float) -> float: ...
    def seconds(self, name: str, default: float | None = None) -> float | None:
        value = self.raw(name)
        return default if value is None else _seconds(value, self.at(name))

    @overload
    def whole(self, name: str, low: int, high: int) -> int | None: ...
    @overload
    def whole(self, name: str, low: int, high: int, default: int) -> int: ...
    def whole(self, name: str, low: int, high: int, default: int | None = None) -> int | None:
        value = self.raw(name)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise CaseError(self.at(name), f"must be a whole number from {low} to {high}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.raw(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise CaseError(self.at(name), "must be a list of texts")
        texts = tuple(item for item in value if isinstance(item, str))
        if len(texts) != len(value):
            raise CaseError(self.at(name), "must be a list of texts")
        return texts

    def patterns(self, name: str) -> tuple[str, ...]:
        patterns = self.texts(name)
        for index, pattern in enumerate(patterns):
            try:
                re.compile(pattern)
            except re.error as error:
                wanted = f"is not a regular expression: {error}"
                raise CaseError(f"{self.at(name)}[{index}]", wanted) from None
        return patterns

    def texts_by_name(self, name: str) -> Mapping[str, str]:
        entry = self.table(name)
        return {key: entry.text(key) for key in entry.names()}

    def table(self, name: str) -> "Table":
        """Return the table of that name, an empty one when absent."""
        value = self.raw(name)
        if value is None:
            return Table({}, self.at(name))
        if not isinstance(value, dict):
            raise CaseError(self.at(name), "must be a table")
        return Table(value, self.at(name))

    def tables(self, name: str) -> tuple["Table", ...]:
        value = self.raw(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise CaseError(self.at(name), "must be a list of tables")
        return tuple(Table(item, f"{self.at(name)}[{i}]") for i, item in enumerate(value))

    def keys(self, name: str) -> tuple[tuple[float, str], ...]:
        value = self.raw(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise CaseError(self.at(name), 'must be a list like [[1.5, "1"]]')
        return tuple(_key_press(item, f"{self.at(name)}[{i}]") for i, item in enumerate(value))

    def nothing_else(self) -> None:
        """Raise for a field that nobody asked for, most likely a misspelt one."""
        for name in self._content:
            if name not in self._read:
                raise CaseError(self.at(name), "is not a field of a case")


def _seconds(value: object, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CaseError(path, "must be a number of seconds")
    if not math.isfinite(value) or value < 0:
        raise CaseError(path, "must be a number of seconds, not negative")
    return float(value)


def _key_press(item: object, path: str) -> tuple[float, str]:
    match item:
        case [moment, str(key)] if key in _KEYS:
            return _seconds(moment, path), key
        case _:
            raise CaseError(path, 'must be [seconds, "key"] with a key of 0-9 * # A-D')
