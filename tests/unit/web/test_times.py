import pytest

from ringtrace.services.errors import FieldInvalidError
from ringtrace.web.times import milliseconds, read_time, utc


@pytest.mark.parametrize(
    "text", ["2026-11-23T06:30:00Z", "2026-11-23T08:30:00+02:00", "2026-11-23T06:30:00.000Z"]
)
def test_one_moment_written_in_several_ways_is_the_same(text: str) -> None:
    assert read_time(text, "since") == 1_795_415_400_000


@pytest.mark.parametrize("text", ["", "2026-11-23", "2026-11-23T06:30:00", "yesterday", "12"])
def test_a_time_without_offset_is_refused_by_the_name_of_its_field(text: str) -> None:
    with pytest.raises(FieldInvalidError) as refusal:
        read_time(text, "since")

    assert refusal.value.field == "since"


def test_milliseconds_survive_the_way_there_and_back() -> None:
    assert milliseconds(utc(1_795_415_400_123)) == 1_795_415_400_123
