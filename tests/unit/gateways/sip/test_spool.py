"""A call that has ended reaches the outbox exactly once, whenever the node dies."""

import os
import re
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from ringtrace.domain.attempt import Attempt
from ringtrace.domain.audio import AudioFormat
from ringtrace.domain.call import Outcome, PlanSource, Reason
from ringtrace.domain.plan import Target
from ringtrace.gateways.sip import durable
from ringtrace.gateways.sip import outgoing as outgoing_module
from ringtrace.gateways.sip import spool as spool_module
from ringtrace.gateways.sip.capture import captured_files
from ringtrace.gateways.sip.encoder import Encoder
from ringtrace.gateways.sip.record import CallRecord
from ringtrace.gateways.sip.spool import Spool, SpoolError
from tests.unit.gateways.sip.conftest import capture_of

CALL = "01938f0000007000800000000000aaaa"
START = 1_795_000_000.0
START_MS = 1_795_000_000_000


class Killed(BaseException):
    """The node died here."""


def a_record(call: str = CALL) -> CallRecord:
    return CallRecord(
        call=call,
        session="s@1",
        number="+15550100101",
        caller="+15550177001",
        started_at=START_MS,
        plan_source=PlanSource.BACKEND,
        attempts=[Attempt(Target("+15550199001", 25), START_MS + 100)],
    )


def joined(call: str = CALL) -> CallRecord:
    record = a_record(call)
    record.attempts[0].answer(START_MS + 2_000)
    record.attempts[0].join(START_MS + 2_000)
    return record


def talked(call: str = CALL) -> CallRecord:
    record = joined(call)
    record.cut_off(START_MS + 5_000, 500)
    return record


def opened(folder: Path) -> Spool:
    return Spool(folder, Encoder(AudioFormat.WAV))


def dies(spool: Spool) -> None:
    """What the kernel does when the process is gone."""
    os.close(spool._lock)


def settled(folder: Path) -> Path:
    """Start a node's spool on `folder`, let it finish what it finds, and stop it."""
    spool = opened(folder)
    spool.recover()
    spool.start(lambda: None)
    spool.stop(5)
    dies(spool)
    return folder


def report_in(folder: Path, call: str = CALL) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode((folder / f"outbox/{call}.json").read_bytes())
    return document


def names(folder: Path) -> list[str]:
    """Without the digests of recordings."""
    return sorted(re.sub(r"\.[0-9a-f]{64}\.", ".", path.name) for path in folder.iterdir())


def record_sound(spool: Spool, call: str = CALL) -> None:
    for path in captured_files(spool.media, call):
        capture_of(path, 50)


def test_ended_call_leaves_report_and_recording_in_the_outbox(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    told: list[int] = []
    record_sound(spool)
    spool.journal(talked())
    spool.start(lambda: told.append(1))
    spool.close_call(talked())
    spool.stop(5)
    assert names(tmp_path / "outbox") == [f"{CALL}.json", f"{CALL}.wav"]
    assert names(tmp_path / "live") == ["alive"]
    assert names(tmp_path / "media") == []
    assert report_in(tmp_path)["recording"] == {"seconds": 1.0, "channels": 2, "url": None}
    assert report_in(tmp_path)["talk_seconds"] == 3.0
    assert told == [1]


def test_recording_is_named_by_its_digest_and_encoded(tmp_path: Path) -> None:
    spool = Spool(tmp_path, Encoder(AudioFormat.FLAC))
    record_sound(spool)
    spool._finish(talked())
    found = outgoing_module.outgoing(tmp_path / "outbox", CALL)
    assert found is not None
    assert found.format is AudioFormat.FLAC
    assert found.sha256 == sha256(found.path.read_bytes()).hexdigest()
    assert names(tmp_path / "outbox") == [f"{CALL}.flac", f"{CALL}.json"]


def test_a_call_that_cannot_be_finished_holds_up_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody left a copy of its recording that has no name of ours."""
    spool = opened(tmp_path)
    other = CALL.replace("a", "b")
    stray = tmp_path / "outbox" / f"{CALL}.{'ab' * 32}.bak"
    stray.write_bytes(b"RIFF")
    for call in (CALL, other):
        record_sound(spool, call)
        spool.journal(talked(call))
        spool.close_call(talked(call))
    spool.start(lambda: None)
    spool.stop(5)
    assert f"{other}.json" in names(tmp_path / "outbox")
    assert f"report_broken call={CALL} error=ValueError" in caplog.text
    dies(spool)

    stray.unlink()
    settled(tmp_path)
    assert report_in(tmp_path)["recording"]["seconds"] == 1.0, (
        "and it is finished at the next start"
    )


def test_encoder_that_fails_leaves_the_wav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = Encoder(AudioFormat.FLAC)
    monkeypatch.setattr(encoder, "_command", ("false",))
    spool = Spool(tmp_path, encoder)
    record_sound(spool)
    spool._finish(talked())
    assert names(tmp_path / "outbox") == [f"{CALL}.json", f"{CALL}.wav"]
    assert report_in(tmp_path)["recording"]["seconds"] == 1.0


def test_report_made_again_has_the_same_recording(tmp_path: Path) -> None:
    spool = Spool(tmp_path, Encoder(AudioFormat.OPUS))
    digests = []
    for _ in range(2):
        record_sound(spool)
        spool._finish(talked())
        found = outgoing_module.outgoing(tmp_path / "outbox", CALL)
        digests.append(found and found.sha256)
    assert digests[0] == digests[1] is not None
    assert names(tmp_path / "outbox") == [f"{CALL}.json", f"{CALL}.opus"]


def test_death_between_any_two_steps_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaths = 0
    for steps in range(1, 50):
        folder = tmp_path / str(steps)
        spool = opened(folder)
        record_sound(spool)
        spool.journal(talked())
        with monkeypatch.context() as patch:
            left = [steps]
            for name in ("replace_file", "remove", "discard_files", "write_wav"):
                _die_at(patch, name, left)
            for name in ("flush_file", "flush_folder", "remove"):
                _die_at(patch, name, left, outgoing_module)
            try:
                spool._finish(talked())
            except Killed:
                deaths += 1
            else:
                break
        dies(spool)
        settled(folder)
        assert names(folder / "outbox") == [f"{CALL}.json", f"{CALL}.wav"], steps
        assert names(folder / "live") == ["alive"]
        assert names(folder / "media") == []
        assert report_in(folder)["recording"]["seconds"] == 1.0
        assert report_in(folder)["outcome"] == "answered"
    assert deaths >= 5


def _die_at(
    patch: pytest.MonkeyPatch, name: str, left: list[int], module: ModuleType = spool_module
) -> None:
    real: Callable[..., Any] = getattr(module, name)

    def step(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return real(*args, **kwargs)

    patch.setattr(module, name, step)


def test_report_made_again_after_delivery_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = opened(tmp_path)
    record_sound(spool)
    spool.journal(talked())
    with monkeypatch.context() as patch:
        _die_at(patch, "remove", [1])
        with pytest.raises(Killed):
            spool._finish(talked())
    sent = (tmp_path / f"outbox/{CALL}.json").read_bytes()
    for path in (tmp_path / "outbox").iterdir():
        path.unlink()
    dies(spool)
    settled(tmp_path)
    assert (tmp_path / f"outbox/{CALL}.json").read_bytes() == sent


def test_answered_call_cut_by_death_counts_until_the_node_was_last_alive(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    record = joined()
    spool.journal(record)
    spool.touch()
    os.utime(tmp_path / "live/alive", (START + 9.5, START + 9.5))
    dies(spool)
    settled(tmp_path)
    report = report_in(tmp_path)
    assert (report["outcome"], report["code"]) == (Outcome.ANSWERED, 200)
    assert (report["ring_seconds"], report["talk_seconds"]) == (2.0, 7.5)
    assert report["legs"][0]["talk_seconds"] == 7.5
    assert report["recording"] is None


def test_unanswered_call_cut_by_death_failed(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.journal(a_record())
    dies(spool)
    settled(tmp_path)
    report = report_in(tmp_path)
    assert (report["outcome"], report["reason"]) == (Outcome.FAILED, Reason.GATEWAY_FAILURE)
    assert (report["code"], report["talk_seconds"]) == (None, 0.0)
    assert report["legs"][0]["reason"] == Reason.GATEWAY_FAILURE


def test_known_end_survives_death_before_the_report(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    record = a_record()
    record.attempts[0].fail(START_MS + 3_000, 486)
    record.failed(START_MS + 3_000, 486)
    spool.journal(record)
    dies(spool)
    settled(tmp_path)
    report = report_in(tmp_path)
    assert (report["outcome"], report["code"], report["ring_seconds"]) == ("busy", 486, 3.0)


def test_forgotten_call_is_not_reported(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.journal(a_record())
    spool.forget(CALL)
    dies(spool)
    settled(tmp_path)
    assert names(tmp_path / "outbox") == []


def test_a_journal_line_that_a_full_disk_cut_short_spoils_no_other(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.journal(a_record())
    with (tmp_path / f"live/{CALL}.json").open("ab") as journal:
        journal.write(b'\n{"call": "01')
    spool.journal(talked())
    with (tmp_path / f"live/{CALL}.json").open("ab") as journal:
        journal.write(b'\n{"call": "01')
    dies(spool)
    settled(tmp_path)
    assert report_in(tmp_path)["outcome"] == Outcome.ANSWERED


def test_damaged_journal_is_kept_aside_and_the_others_are_reported(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    (tmp_path / "live/bad.json").write_bytes(b"{")
    spool.journal(a_record())
    dies(spool)
    settled(tmp_path)
    assert names(tmp_path / "outbox") == [f"{CALL}.json"]
    assert names(tmp_path / "live") == ["alive", "bad.damaged"]


def test_sound_of_a_damaged_journal_stays_over_all_starts(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    (tmp_path / "live/bad.json").write_bytes(b"{")
    record_sound(spool, "bad")
    record_sound(spool, "unknown")
    dies(spool)
    for _ in range(2):
        settled(tmp_path)
    assert names(tmp_path / "media") == sorted(
        path.name for path in captured_files(tmp_path / "media", "bad")
    )


def test_damaged_capture_costs_the_recording_but_not_the_report(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    captured_files(spool.media, CALL)[0].write_bytes(bytes(100))
    spool._finish(talked())
    assert names(tmp_path / "outbox") == [f"{CALL}.json"]
    assert report_in(tmp_path)["recording"] is None


def test_full_disk_delays_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = opened(tmp_path)
    failures = [OSError(28, "No space left on device")]
    real = durable.replace_file

    def replace_file(path: Path, content: bytes, **options: bool) -> None:
        if failures:
            raise failures.pop()
        real(path, content, **options)

    monkeypatch.setattr(spool_module, "replace_file", replace_file)
    monkeypatch.setattr(spool_module, "_RETRY_SECONDS", 0.01)
    spool.start(lambda: None)
    spool.close_call(talked())
    deadline = time.monotonic() + 5
    while not names(tmp_path / "outbox") and time.monotonic() < deadline:
        time.sleep(0.01)
    spool.stop(5)
    assert names(tmp_path / "outbox") == [f"{CALL}.json"]


def test_files_are_for_the_node_only(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool = opened(folder)
    record_sound(spool)
    spool.touch()
    spool.journal(a_record())
    for path in (folder, *folder.iterdir(), folder / f"live/{CALL}.json", folder / "live/alive"):
        assert not path.stat().st_mode & 0o077, path


def test_one_node_per_spool(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    with pytest.raises(SpoolError, match="in use by another node"):
        opened(tmp_path)
    dies(spool)
