"""The outbox is sent until the backend has taken it."""

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ringtrace.domain.audio import AudioFormat
from ringtrace.gateways.sip.backend import Delivery
from ringtrace.gateways.sip.durable import replace_file
from ringtrace.gateways.sip.outgoing import OutgoingRecording
from ringtrace.gateways.sip.sender import Sender

SHA256 = "ab" * 32
TAKEN, LATER, AWAY, NOT_OURS = Delivery.TAKEN, Delivery.LATER, Delivery.AWAY, Delivery.NOT_OURS


@dataclass
class Receiver:
    """Answers from a script, then `TAKEN`; keeps what it was sent."""

    script: list[Delivery] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    def send_report(self, call: str, report: bytes) -> Delivery:
        assert report == b"{}"
        return self._answer(f"{call}.json")

    def send_recording(self, call: str, recording: OutgoingRecording) -> Delivery:
        assert recording.path.read_bytes() == b"RIFF"
        assert (recording.format, recording.sha256) == (AudioFormat.WAV, SHA256)
        return self._answer(f"{call}.wav")

    def _answer(self, what: str) -> Delivery:
        self.sent.append(what)
        return self.script.pop(0) if self.script else TAKEN


def outbox(folder: Path, *names: str) -> Path:
    for name in names:
        call, _, kind = name.partition(".")
        if kind == "json":
            replace_file(folder / name, b"{}")
        else:
            replace_file(folder / f"{call}.{SHA256}.{kind}", b"RIFF")
    return folder


def left(folder: Path) -> list[str]:
    return sorted(path.name.replace(f".{SHA256}", "") for path in folder.iterdir())


def send_all(sender: Sender) -> float:
    """One round of both threads."""
    return min(sender.send_reports(), sender.send_recordings())


def send_until_taken(sender: Sender, folder: Path) -> None:
    deadline = time.monotonic() + 10
    while left(folder) and time.monotonic() < deadline:
        time.sleep(min(send_all(sender), 1.1))


def test_oldest_report_goes_first_and_recordings_after_all_reports(tmp_path: Path) -> None:
    receiver = Receiver()
    outbox(tmp_path, "b.json", "b.wav", "a.json", "a.wav", "c.json")
    send_all(Sender(tmp_path, receiver, 30))
    assert receiver.sent == ["a.json", "b.json", "c.json", "a.wav", "b.wav"]
    assert left(tmp_path) == []


def test_refused_report_is_tried_again_and_holds_up_no_other(tmp_path: Path) -> None:
    receiver = Receiver([LATER])
    outbox(tmp_path, "a.json", "a.wav", "b.json")
    sender = Sender(tmp_path, receiver, 30)
    pause = send_all(sender)
    assert receiver.sent == ["a.json", "b.json"]
    assert left(tmp_path) == ["a.json", "a.wav"]
    assert 0 < pause <= 1
    send_until_taken(sender, tmp_path)
    assert receiver.sent == ["a.json", "b.json", "a.json", "a.wav"]


def test_a_call_that_cannot_be_sent_holds_up_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody looked at its recording and left a copy that has no name of ours."""
    receiver = Receiver()
    outbox(tmp_path, "a.json", "a.bak", "b.json", "b.wav")
    sender = Sender(tmp_path, receiver, 30)
    send_all(sender)
    assert receiver.sent == ["a.json", "b.json", "b.wav"]
    assert left(tmp_path) == ["a.bak", "a.json"]
    assert "delivery_broken call=a error=ValueError" in caplog.text


def test_refused_recording_is_tried_again_without_its_report(tmp_path: Path) -> None:
    receiver = Receiver([TAKEN, LATER])
    outbox(tmp_path, "a.json", "a.wav")
    send_until_taken(Sender(tmp_path, receiver, 30), tmp_path)
    assert receiver.sent == ["a.json", "a.wav", "a.wav"]


def test_pauses_grow_while_nobody_is_there(tmp_path: Path) -> None:
    receiver = Receiver([AWAY] * 8)
    outbox(tmp_path, "a.json", "b.json")
    sender = Sender(tmp_path, receiver, 30)
    assert [sender.send_reports() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert receiver.sent == ["a.json"] * 7
    receiver.script.clear()
    send_all(sender)
    assert left(tmp_path) == []


def test_restart_sends_the_report_again_before_the_recording(tmp_path: Path) -> None:
    receiver = Receiver([TAKEN, AWAY])
    outbox(tmp_path, "a.json", "a.wav")
    send_all(Sender(tmp_path, receiver, 30))
    assert left(tmp_path) == ["a.json", "a.wav"]
    send_all(Sender(tmp_path, receiver, 30))
    assert receiver.sent == ["a.json", "a.wav", "a.json", "a.wav"]
    assert left(tmp_path) == []


def test_report_of_a_number_that_is_not_ours_is_dropped(tmp_path: Path) -> None:
    receiver = Receiver([NOT_OURS])
    outbox(tmp_path, "a.json", "a.wav")
    send_all(Sender(tmp_path, receiver, 30))
    assert (receiver.sent, left(tmp_path)) == (["a.json"], [])


def test_report_that_is_too_old_is_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = Receiver()
    outbox(tmp_path, "a.json", "a.wav", "b.json")
    old = time.time() - 31 * 86400
    os.utime(tmp_path / "a.json", (old, old))
    send_all(Sender(tmp_path, receiver, 30))
    assert (receiver.sent, left(tmp_path)) == (["b.json"], [])
    assert "delivery_given_up call=a" in caplog.text


def test_thread_sends_news_at_once(tmp_path: Path) -> None:
    receiver = Receiver()
    sender = Sender(tmp_path, receiver, 30)
    sender.start()
    outbox(tmp_path, "a.json")
    sender.wake()
    assert sender.drain(5)
    sender.stop()
    assert receiver.sent == ["a.json"]


def test_an_upload_that_takes_long_holds_up_no_report(tmp_path: Path) -> None:
    done = threading.Event()

    class Slow(Receiver):
        def send_recording(self, call: str, recording: OutgoingRecording) -> Delivery:
            assert done.wait(5)
            return super().send_recording(call, recording)

    receiver = Slow()
    sender = Sender(tmp_path, receiver, 30)
    sender.start()
    outbox(tmp_path, "a.wav", "a.json")
    sender.wake()
    deadline = time.monotonic() + 5
    for call in ("b", "c"):
        outbox(tmp_path, f"{call}.json")
        sender.wake()
        while f"{call}.json" not in receiver.sent and time.monotonic() < deadline:
            time.sleep(0.01)
    assert receiver.sent == ["a.json", "b.json", "c.json"]
    done.set()
    assert sender.drain(5)
    sender.stop()
    assert receiver.sent[3:] == ["a.wav"]


def test_recording_that_is_refused_for_ever_is_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = Receiver([TAKEN, LATER])
    outbox(tmp_path, "a.json", "a.wav")
    sender = Sender(tmp_path, receiver, 30)
    send_all(sender)
    old = time.time() - 31 * 86400
    os.utime(tmp_path / "a.json", (old, old))
    send_until_taken(sender, tmp_path)
    assert receiver.sent == ["a.json", "a.wav"]
    assert "delivery_given_up call=a" in caplog.text
