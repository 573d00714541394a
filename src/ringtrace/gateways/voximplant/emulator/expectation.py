"""Whether a session went as its case expects."""

import re

from ringtrace.gateways.voximplant.emulator.case import Expect, ExpectedLeg
from ringtrace.gateways.voximplant.emulator.result import LegSummary, Result


def unmet(expect: Expect, result: Result) -> tuple[str, ...]:
    """Return what was expected and did not come, one sentence each; empty when all is well."""
    problems = [
        f"no log line matches {pattern!r}"
        for pattern in expect.outcome_log
        if not any(re.search(pattern, line) for line in result.log)
    ]
    if expect.finish_reason not in {None, result.finish_reason}:
        problems.append(
            f"finish_reason is {result.finish_reason!r}, expected {expect.finish_reason!r}"
        )
    if expect.legs is not None:
        problems += _unmet_legs(expect.legs, result.legs)
    if expect.http_count not in {None, len(result.requests)}:
        problems.append(f"http_count is {len(result.requests)}, expected {expect.http_count}")
    return tuple(problems)


def _unmet_legs(expected: tuple[ExpectedLeg, ...], legs: tuple[LegSummary, ...]) -> list[str]:
    if len(expected) != len(legs):
        return [f"{len(legs)} legs were dialled, expected {len(expected)}"]
    return [
        f"legs[{index}] is {leg.to} {leg.result} {leg.code}, "
        f"expected {want.to} {want.result} {want.code or 'any code'}"
        for index, (want, leg) in enumerate(zip(expected, legs, strict=True))
        if want.to.removeprefix("+") != leg.to
        or want.result != leg.result
        or want.code not in {None, leg.code}
    ]
