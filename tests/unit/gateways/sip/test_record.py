"""From the record of a call to its report."""

import time

import msgspec
import pytest

from ringtrace.domain.call import Outcome, PlanSource, Reason
from ringtrace.gateways.sip.record import CallRecord, LegRecord, new_call_id, report

START = 1_795_415_400.12


def ringing() -> CallRecord:
    return CallRecord(
        call=new_call_id(),
        session="abc@192.0.2.1",
        number="+15550100101",
        caller=None,
        started_at=START,
        plan_source=PlanSource.CACHE,
        legs=[LegRecord("+15550199001", START + 0.2)],
    )


def test_call_ids_sort_by_time_and_differ() -> None:
    ids = [new_call_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(len(i) == 32 and i[12] == "7" and i[16] in "89ab" for i in ids)
    time.sleep(0.002)
    assert new_call_id() > max(ids)
    assert int(ids[0][:12], 16) == pytest.approx(time.time() * 1000, abs=10_000)


def test_digits_are_reported() -> None:
    record = ringing()
    record.digits = "4217"
    record.abandoned(START + 1)
    assert report(record, None).digits == "4217"


def test_answered_call() -> None:
    record = ringing()
    record.answered(START + 3.2)
    record.ended(START + 44.2, None)
    document = msgspec.json.decode(msgspec.json.encode(report(record, 40.98)))
    assert document == {
        "number": "+15550100101",
        "caller": None,
        "started_at": "2026-11-23T06:30:00.120Z",
        "outcome": "answered",
        "reason": None,
        "code": 200,
        "target": "+15550199001",
        "ring_seconds": 3.2,
        "talk_seconds": 41.0,
        "legs": [
            {
                "target": "+15550199001",
                "started_at": "2026-11-23T06:30:00.320Z",
                "ring_seconds": 3.0,
                "talk_seconds": 41.0,
                "code": 200,
                "reason": None,
            }
        ],
        "recording": {"seconds": 40.98, "channels": 2, "url": None},
        "session": "abc@192.0.2.1",
        "plan_source": "cache",
        "digits": None,
    }


def test_abandoned_call_ends_its_leg() -> None:
    record = ringing()
    record.abandoned(START + 5)
    made = report(record, None)
    assert (made.outcome, made.reason, made.code) == (
        Outcome.ABANDONED,
        Reason.CALLER_DISCONNECTS,
        487,
    )
    assert (made.ring_seconds, made.talk_seconds, made.recording) == (5.0, 0.0, None)
    assert (made.legs[0].code, made.legs[0].ring_seconds) == (487, 4.8)


def test_call_without_a_leg_has_no_target() -> None:
    record = ringing()
    record.legs.clear()
    record.ended(START + 1, 500)
    made = report(record, None)
    assert (made.target, made.legs, made.reason) == (None, (), Reason.INTERNAL_ERROR)


def test_death_before_the_last_heartbeat_counts_no_negative_time() -> None:
    record = ringing()
    record.answered(START + 3)
    record.interrupted(START + 2.5)
    assert report(record, None).talk_seconds == 0


def test_call_under_way_has_no_report() -> None:
    with pytest.raises(ValueError, match="has not ended"):
        report(ringing(), None)
