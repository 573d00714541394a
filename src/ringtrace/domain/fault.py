"""What is wrong with something that a user wrote."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error keeps a flow from being saved, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Fault:
    """`path` leads to the field: `step[2].keys.1[0].targets[1].to`."""

    path: str
    message: str
    severity: Severity = Severity.ERROR

    def under(self, path: str) -> "Fault":
        """The same fault, seen from further up the document."""
        return Fault(f"{path}.{self.path}", self.message, self.severity)
