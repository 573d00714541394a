"""A flow in words."""

import asyncio
from collections.abc import Mapping
from datetime import UTC
from typing import cast

import pytest

from ringtrace.domain.account import Account
from ringtrace.domain.flow import read_flow
from ringtrace.services.directory import Directory
from ringtrace.services.ports import Store
from ringtrace.services.setup_records import Configuration, KeptFlow
from ringtrace.web.console.flow_view import FlowView, StepView, flow_view
from ringtrace.web.console.session import Viewer

DESK = "+12025550192"


class FixedStore:
    async def configuration(self) -> Configuration:
        return Configuration((Account(1, "Shop", "US"),), (), (), ())


@pytest.fixture
def viewer() -> Viewer:
    return Viewer(Account(1, "Shop", "US"), "admin", UTC)


def shown(viewer: Viewer, *steps: Mapping[str, object], **more: object) -> FlowView:
    directory = Directory(cast(Store, FixedStore()))
    asyncio.run(directory.refresh())
    flow = read_flow({"name": "f", "step": list(steps), **more})
    return flow_view(directory, viewer, KeptFlow(1, "f", 2, flow, 1_795_419_000_000))


def words(viewer: Viewer, step: Mapping[str, object]) -> str:
    return shown(viewer, step).steps[0].words


def test_steps_below_stand_below(viewer: Viewer) -> None:
    menu = {
        "do": "menu",
        "say": "One or two?",
        "keys": {"1": [{"do": "hang_up"}]},
        "otherwise": [{"do": "voicemail", "play": "closed.wav"}],
    }

    (view,) = shown(viewer, menu).steps

    assert view == StepView(
        "Ask “One or two?”",
        (
            ("Key 1", (StepView("Hang up (603)"),)),
            ("No key", (StepView("Voicemail, 120 s: the sound closed.wav"),)),
        ),
    )


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ({"hours": "day"}, "If it is day"),
        ({"caller_prefix": ["+49", "+43"]}, "If the caller begins with +49 or +43"),
        ({"caller_country": ["DE"]}, "If the caller is from DE"),
        ({"withheld": True}, "If the number is withheld"),
        ({"withheld": False}, "If the number is not withheld"),
        ({"repeat_caller": False}, "If the caller has not called before"),
        (
            {"channel": ["Email"], "campaign": ["c"]},
            "If the channel is Email and the campaign is c",
        ),
        ({"tag": ["vip", "contract"]}, "If the caller is tagged vip or contract"),
        ({}, "If anything"),
    ],
)
def test_a_condition_is_told(viewer: Viewer, when: Mapping[str, object], said: str) -> None:
    branch = {"do": "branch", "when": when, "then": [{"do": "collect"}], "otherwise": []}

    assert words(viewer, branch) == said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "Ring +1 202-555-0192, then desk@pbx.example.com"),
        ({"how": "at_once"}, "Ring at once +1 202-555-0192 and desk@pbx.example.com"),
        (
            {"targets": [{"to": DESK, "hours": "day"}], "sticky": True},
            "Ring +1 202-555-0192 when day (a repeat caller's last one first)",
        ),
        (
            {"targets": [{"to": DESK, "hours": "day", "most_calls": 2}]},
            "Ring +1 202-555-0192 when day (at most 2 at a time)",
        ),
        (
            {"targets": [DESK], "whisper": "Ad", "accept": "1", "record": False},
            "Ring +1 202-555-0192 (whispering “Ad”; to be accepted with 1; not recorded)",
        ),
    ],
)
def test_a_dial_step_is_told(viewer: Viewer, more: Mapping[str, object], said: str) -> None:
    dial = {"do": "dial", "targets": [DESK, "sip:desk@pbx.example.com"], **more}

    assert words(viewer, dial) == said


def test_days_with_the_same_hours_are_told_together(viewer: Viewer) -> None:
    day = ["09:00-12:00", "13:00-18:00"]
    hours = {
        "time_zone": "Europe/Berlin",
        **dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), day),
        "sat": ["10:00-14:00"],
        "holidays": ["2026-12-25"],
    }

    view = shown(viewer, {"do": "hang_up"}, hours={"office": hours})

    assert view.hours == (
        (
            "office",
            "mon-fri 09:00-12:00 and 13:00-18:00, sat 10:00-14:00 (Europe/Berlin); 1 holidays",
        ),
    )
