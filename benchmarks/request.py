"""Requests that differ from each other only in the ids they carry."""

from dataclasses import dataclass

PREFIX_DIGITS = 20
COUNTER_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Template:
    """`<id>` and `<visitor>` in path and body are unlike in every request.

    `<caller>` is one of many telephone numbers: who calls all the time would be asked for a key.
    With `cycle` the ids come again after that many requests.
    """

    name: str
    path: str
    body: str
    headers: tuple[tuple[str, str], ...]
    cycle: int = 0

    def request(self, host: str, prefix: str, counter: int) -> bytes:
        """The request as it goes over the wire; `counter` is `id_of`'s."""
        path, body = (
            text.replace("<id>", id_of(prefix, counter))
            .replace("<visitor>", f"{counter:0{COUNTER_DIGITS}x}{prefix}")
            .replace("<caller>", caller_of(counter))
            for text in (self.path, self.body)
        )
        lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def id_of(prefix: str, counter: int) -> str:
    """32 hex digits, as `requests.lua` makes them."""
    return f"{prefix}{counter:0{COUNTER_DIGITS}x}"


def caller_of(counter: int) -> str:
    """A number for fiction, one of 80 000, as `requests.lua` makes it."""
    area, line = divmod(counter % 80_000, 100)
    return f"+1{200 + area}55501{line:02}"


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of one run. `sent` counts requests made; some may be cut off before the answer.

    `seconds` is wall time; latencies are microseconds.
    """

    sent: int
    answered: int
    failed: int
    seconds: float
    p50_us: float
    p99_us: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answered / self.seconds
