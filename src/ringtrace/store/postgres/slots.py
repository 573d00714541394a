"""$1, $2, …: where the values of a statement stand."""

from collections.abc import Iterator
from itertools import count


def numbered() -> Iterator[str]:
    return (f"${number}" for number in count(1))
