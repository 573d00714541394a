"""The cases, played by telephones over a real SIP node."""

import pytest

from tests.conformance.case import Case, Seen, cases, differences
from tests.conformance.sip_stage import PACE, play_all

pytestmark = pytest.mark.phones

TOLERANCE = 1.2 / PACE
"""Of a busy machine, and of a beep that is as long as ever on the faster clock."""

TRIES = 3
"""A machine that stands still for a moment breaks a call; what is wrong in the node stays so."""


@pytest.fixture(scope="module")
def played(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Seen | Exception]:
    """All the cases that this run is to look at, played at the same time; failed ones again."""
    params = [
        item.callspec.params
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path
    ]
    wanted = [case for one in params if isinstance(case := one["case"], Case)]
    found: dict[str, Seen | Exception] = {}
    for _ in range(TRIES):
        if left := [case for case in wanted if case.id not in found or wrong(case, found[case.id])]:
            found |= play_all(left, tmp_path_factory.mktemp("node"))
    return found


def wrong(case: Case, seen: Seen | Exception) -> list[str]:
    if isinstance(seen, Exception):
        return [repr(seen)]
    return differences(case.expect, seen, tolerance=TOLERANCE)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_the_node_does_as_the_case_expects(played: dict[str, Seen | Exception], case: Case) -> None:
    found = wrong(case, played[case.id])
    assert not found, "\n".join(found)
