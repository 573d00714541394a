"""Ids that sort by time."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.identity import NOISE_BITS, uuid7

NOISE = st.integers(0, 2**NOISE_BITS - 1)
MOMENT = st.integers(0, 2**48 - 1)


@given(MOMENT, NOISE)
def test_an_id_is_a_version_7_uuid_of_its_moment(at: int, noise: int) -> None:
    made = uuid.UUID(uuid7(at, noise))

    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == at
    assert str(made) == uuid7(at, noise)


@given(MOMENT, MOMENT, NOISE, NOISE)
def test_the_later_id_sorts_behind(one: int, other: int, a: int, b: int) -> None:
    if one < other:
        assert uuid7(one, a) < uuid7(other, b)


@given(MOMENT, NOISE, NOISE)
def test_noise_makes_ids_differ(at: int, a: int, b: int) -> None:
    assert (uuid7(at, a) == uuid7(at, b)) is (a == b)
