"""Runs VoxEngine scenarios without the platform: virtual clock, simulated parties.

`run(scripts, case)` is the whole of it; see docs/voximplant.md for what is emulated.
"""

from ringtrace.gateways.voximplant.emulator.case import (
    Answer,
    CallerDoes,
    Case,
    Expect,
    ExpectedLeg,
    Stub,
    load,
)
from ringtrace.gateways.voximplant.emulator.engine import Script
from ringtrace.gateways.voximplant.emulator.expectation import unmet
from ringtrace.gateways.voximplant.emulator.http import Backend, Reply, Request
from ringtrace.gateways.voximplant.emulator.result import Result
from ringtrace.gateways.voximplant.emulator.session import run
from ringtrace.gateways.voximplant.emulator.storage import Storage
from ringtrace.gateways.voximplant.emulator.table import CaseError

__all__ = [
    "Answer",
    "Backend",
    "CallerDoes",
    "Case",
    "CaseError",
    "Expect",
    "ExpectedLeg",
    "Reply",
    "Request",
    "Result",
    "Script",
    "Storage",
    "Stub",
    "load",
    "run",
    "unmet",
]
