"""What came of a demo day, measured from what the system kept."""

import array
import asyncio
import math
import sys
import time
import wave
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from ringtrace.bootstrap import open_reader
from ringtrace.demo.play import Day
from ringtrace.demo.script import CallPart, Expected, Script, expected
from ringtrace.demo.stage import Stage, StageError
from ringtrace.domain.attribution import verdict
from ringtrace.domain.audio import AudioFormat
from ringtrace.services.call_records import CallFilter, CallRecord
from ringtrace.services.ports import Reads
from ringtrace.services.recording_store import RecordingName

REPORT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """One call of the script beside what it was expected to come to (contracts: demo --json)."""

    gateway: str
    tracking_number: str
    caller: str | None
    target: str | None
    outcome: str | None
    reason: str | None
    code: int | None
    ring_seconds: float | None
    talk_seconds: float | None
    recording: dict[str, object] | None
    attribution: dict[str, object]
    expected: Expected

    @property
    def as_expected(self) -> bool:
        want = self.expected
        return (want.outcome, want.target) == (self.outcome, self.target) and all(
            self.attribution[name] == getattr(want, name)
            for name in ("channel", "campaign", "keyword")
        )

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "expected": msgspec.to_builtins(self.expected)}


async def outcomes(script: Script, where: Stage, day: Day, since: int) -> list[CallOutcome]:
    """The script's calls begun at `since` (ms) or later, once all reports and audio are in.

    Raises StageError when they do not come within REPORT_SECONDS.
    """
    async with open_reader(where.settings) as store:
        records = await _complete(store, script, day, since)
    return [
        _outcome(script, where, day, call, record)
        for call, record in zip(script.call, records, strict=True)
    ]


async def _complete(store: Reads, script: Script, day: Day, since: int) -> list[CallRecord]:
    deadline = time.monotonic() + REPORT_SECONDS
    while True:
        page = await store.calls(1, CallFilter(since=since), 10_000, 0)
        found = _matched(script, day, list(reversed(page.calls)))
        if found is not None:
            return found
        if time.monotonic() > deadline:
            raise StageError("not every call was reported in time; see server.log, sip-node.log")
        await asyncio.sleep(0.1)


def _matched(script: Script, day: Day, calls: list[CallRecord]) -> list[CallRecord] | None:
    """The record of each call; calls of one caller to one number by their order."""
    records = []
    for index, call in enumerate(script.call):
        wanted = (call.gateway, day.numbers[index], call.caller)
        record = next(
            (one for one in calls if (one.gateway, one.number, one.caller) == wanted), None
        )
        if record is None or not _is_whole(record):
            return None
        calls.remove(record)
        records.append(record)
    return records


def _is_whole(record: CallRecord) -> bool:
    if record.report is None:
        return False
    recording = record.report.recording
    return recording is None or recording.url is not None or record.audio is not None


def _outcome(
    script: Script, where: Stage, day: Day, call: CallPart, record: CallRecord
) -> CallOutcome:
    report, best = record.report, verdict(record.attribution)
    assert report is not None  # noqa: S101 - only whole records are matched
    return CallOutcome(
        gateway=record.gateway,
        tracking_number=record.number,
        caller=record.caller,
        target=report.target,
        outcome=report.outcome,
        reason=report.reason,
        code=report.code,
        ring_seconds=report.ring_seconds,
        talk_seconds=report.talk_seconds,
        recording=_recording(where, record),
        attribution={
            "channel": best.channel and str(best.channel),
            "campaign": best.campaign,
            "keyword": best.keyword,
            "visit": day.visit_ids.get(best.visit_id) if best.visit_id else None,
            "probability": best.probability,
        },
        expected=expected(script, call),
    )


def _recording(where: Stage, record: CallRecord) -> dict[str, object] | None:
    recording = record.report.recording if record.report else None
    if recording is None:
        return None
    if recording.url is not None:
        return {
            "url": recording.url,
            "channels": recording.channels,
            "seconds": recording.seconds,
            "rms": None,
        }
    name = RecordingName(1, record.gateway, record.call, AudioFormat.WAV)
    path = where.settings.recordings / name.path
    return {"path": str(path), **measure(path)}


def measure(path: Path) -> dict[str, object]:
    """Channels, seconds and the rms (1 = full scale) of each channel of a 16-bit WAV file."""
    with wave.open(str(path)) as file:
        channels, rate = file.getnchannels(), file.getframerate()
        samples = array.array("h", file.readframes(file.getnframes()))
    if sys.byteorder == "big":
        samples.byteswap()
    return {
        "channels": channels,
        "seconds": round(len(samples) / channels / rate, 3),
        "rms": [_rms(samples[channel::channels]) for channel in range(channels)],
    }


def _rms(samples: "array.array[int]") -> float:
    if not samples:
        return 0.0
    return round(math.sqrt(sum(s * s for s in samples) / len(samples)) / 32_768, 4)
