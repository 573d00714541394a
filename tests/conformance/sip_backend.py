"""A backend that has a plan for every case, told apart by the number that is called."""

from dataclasses import dataclass, field
from typing import Final

from tests.conformance.case import NUMBER
from tests.integration.sip.conftest import Backend, Json

_WRITTEN: Final = "+1202555"
_HOST: Final = "@phones.example"


@dataclass(frozen=True)
class Line:
    """A case's own numbers: area code and all the cases' 555 numbers within it."""

    index: int
    agents: str

    def real(self, text: str) -> str:
        return text.replace(_WRITTEN, self._own).replace(_HOST, f"@{self.agents}")

    def written(self, text: str) -> str:
        return text.replace(self._own, _WRITTEN).replace(f"@{self.agents}", _HOST)

    @property
    def number(self) -> str:
        return self.real(NUMBER)

    @property
    def _own(self) -> str:
        return f"+1{300 + self.index}555"


@dataclass
class PlanningBackend(Backend):
    """Answers each number with the plan of its case. `plans` and `for_digits` by number."""

    plans: dict[str, Json] = field(default_factory=dict)
    for_digits: dict[str, Json] = field(default_factory=dict)
    calls_of: dict[str, int] = field(default_factory=dict)
    """What targets have already, by their numbers."""

    def answer_arrival(self, body: Json) -> tuple[int, Json]:
        self.arrivals.append(body)
        return 200, {"call": body["call"], **self.plans[e164_of(body["number"])]}

    def answer_digits(self, call: str, body: Json) -> tuple[int, Json | None]:
        self.digits.append((call, body))
        number = next(e164_of(one["number"]) for one in self.arrivals if one["call"] == call)
        plan = self.for_digits.get(number)
        return (503, None) if plan is None else (200, {"call": call, **plan})

    def answer_leg(self, call: str, body: Json) -> tuple[int, Json | None]:
        super().answer_leg(call, body)
        most = body.get("most_calls")
        return 200, {"free": most is None or self.calls_of.get(body["target"], 0) < most}

    def call_of(self, number: str) -> str | None:
        """The call whose report has come."""
        for call, report in self.reports.copy().items():
            if report["number"] == number:
                return call
        return None


def e164_of(number: str) -> str:
    return f"+{number.removeprefix('+')}"
