"""What the doctor says to which facts."""

from dataclasses import replace
from typing import Any

import pytest

from ringtrace.domain.audio import AudioFormat
from ringtrace.domain.call import GatewayKind
from ringtrace.services.inspection import GatewayLife, Inspection
from ringtrace.services.recording_store import RecordingName
from ringtrace.upkeep.diagnosis import Level, Surroundings, diagnose, diagnose_closed

NOW = 1_795_419_000_000
GIB = 1024**3
RECORDING = RecordingName(1, GatewayKind.SIP, "a", AudioFormat.FLAC)
SOUND = Inspection(9, 9, None, newest_moment=NOW - 5, gateways=(GatewayLife(1, "sip", NOW - 1),))
AROUND = Surroundings(
    now=NOW,
    free_bytes=50 * GIB,
    writable=True,
    open_to_others=(),
    recordings=frozenset(),
    archived=0,
    lost_days=(),
    leftovers=0,
    running=True,
    answers=True,
)


def levels(inspection: Inspection, around: Surroundings = AROUND) -> dict[str, Level]:
    return {one.check: one.level for one in diagnose(inspection, around)}


def test_a_sound_house_has_nothing_to_be_done() -> None:
    found = diagnose(SOUND, AROUND)

    assert {one.level for one in found} == {Level.OK}
    assert all(not one.advice for one in found)


@pytest.mark.parametrize(
    ("change", "check", "level"),
    [
        ({"free_bytes": GIB}, "disk", Level.WARNING),
        ({"free_bytes": 1024**2}, "disk", Level.ERROR),
        ({"writable": False}, "folder", Level.ERROR),
        ({"open_to_others": ("secret.key",)}, "secrets", Level.ERROR),
        ({"leftovers": 2}, "recordings", Level.WARNING),
        ({"running": False, "answers": False}, "server", Level.WARNING),
        ({"answers": False}, "server", Level.ERROR),
        ({"now": NOW - 3_600_000}, "clock", Level.ERROR),
        ({"recordings": frozenset({RECORDING})}, "recordings", Level.WARNING),
        ({"recordings": None}, "recordings", Level.ERROR),
    ],
)
def test_what_is_wrong_around_the_database(
    change: dict[str, Any], check: str, level: Level
) -> None:
    found = [one for one in diagnose(SOUND, replace(AROUND, **change)) if one.level != Level.OK]

    assert [(one.check, one.level) for one in found] == [(check, level)]
    assert found[0].advice


@pytest.mark.parametrize(
    ("change", "check", "level"),
    [
        ({"damage": "row 3 missing"}, "database", Level.ERROR),
        ({"stray_routes": ("+1", "+2")}, "routes", Level.ERROR),
        ({"recordings": frozenset({RECORDING})}, "recordings", Level.ERROR),
        ({"awaited": ("sip/a",)}, "recordings", Level.WARNING),
        ({"sites_without_numbers": ("shop",)}, "setup", Level.WARNING),
        ({"accounts_without_gateway": ("1",)}, "setup", Level.WARNING),
        ({"gateways": (GatewayLife(1, "sip", None),)}, "gateways", Level.WARNING),
        ({"gateways": (GatewayLife(1, "sip", NOW - 8 * 86_400_000),)}, "gateways", Level.WARNING),
    ],
)
def test_what_is_wrong_in_the_database(change: dict[str, Any], check: str, level: Level) -> None:
    found = [one for one in diagnose(replace(SOUND, **change), AROUND) if one.level != Level.OK]

    assert [(one.check, one.level) for one in found] == [(check, level)]
    assert found[0].advice


@pytest.mark.parametrize(("schema", "level"), [(8, Level.WARNING), (10, Level.ERROR)])
def test_of_another_schema_nothing_more_is_said(schema: int, level: Level) -> None:
    found = levels(Inspection(schema, 9, None))

    assert found["schema"] == level
    assert "routes" not in found
    assert "gateways" not in found


def test_many_names_are_counted_not_listed() -> None:
    strays = tuple(f"+1202555010{n}" for n in range(5))
    said = {one.check: one.message for one in diagnose(replace(SOUND, stray_routes=strays), AROUND)}

    assert "+12025550102 and 2 more" in said["routes"]


@pytest.mark.parametrize(
    ("quiet", "words"),
    [(1, "within the last hour"), (7_200_000, "2 h"), (3 * 86_400_000, "3 days")],
)
def test_a_gateway_says_when_it_was_heard(quiet: int, words: str) -> None:
    life = GatewayLife(1, "sip", NOW - quiet)
    said = {one.check: one.message for one in diagnose(replace(SOUND, gateways=(life,)), AROUND)}

    assert words in said["gateways"]


def test_room_is_told_in_a_unit_that_shows_it() -> None:
    (disk,) = (
        one
        for one in diagnose(SOUND, replace(AROUND, free_bytes=179 * 1024**2))
        if one.check == "disk"
    )

    assert disk.message == "179 MiB free"


def test_a_database_that_does_not_open_hides_nothing_of_the_folder() -> None:
    found = diagnose_closed("cannot be read", "restore", replace(AROUND, free_bytes=0))

    assert [(one.check, one.level) for one in found if one.level is not Level.OK] == [
        ("disk", Level.ERROR), ("database", Level.ERROR),
    ]  # fmt: skip
    assert found[3].advice == "restore"


def test_nobody_is_told_to_restore_what_cannot_be_opened_for_its_disk() -> None:
    found = diagnose_closed("cannot be read", "restore", replace(AROUND, writable=False))

    assert [one.check for one in found if one.level is Level.ERROR] == ["folder", "database"]
    assert "restore" not in found[3].advice
