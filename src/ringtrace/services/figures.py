"""What a process says of itself in numbers, as Prometheus understands them."""

from dataclasses import dataclass
from enum import StrEnum


class Joint(StrEnum):
    """What becomes of the figures of several processes: added up, the greatest, or each told."""

    SUM = "sum"
    GREATEST = "greatest"
    EACH = "each"


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    labels: dict[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Family:
    """One metric of one process; `kind` is the type of Prometheus."""

    name: str
    help: str
    kind: str
    joint: Joint
    samples: list[Sample]

    @property
    def only_grows(self) -> bool:
        return self.kind in {"counter", "histogram"}
