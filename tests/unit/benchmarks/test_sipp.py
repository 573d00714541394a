"""What the SIP benchmark's telephones send, and how a lost packet is heard."""

import shutil
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks import sipp
from ringtrace.gateways.sip.g711 import PCMU, decode

PACKET = 160
Side = npt.NDArray[np.float64]


@pytest.fixture
def tone(tmp_path: Path) -> Side:
    file = tmp_path / "tone.ulaw"
    sipp.write_tone(file, 1.0)
    return decode(file.read_bytes(), PCMU)


def recording(folder: Path, *sides: Side) -> Path:
    file = folder / "call.wav"
    with wave.open(str(file), "wb") as wav:
        wav.setnchannels(len(sides))
        wav.setsampwidth(2)
        wav.setframerate(8_000)
        wav.writeframes(np.stack(sides, axis=1).astype("<i2").tobytes())
    return file


def test_the_tone_is_loud_and_never_silent(tone: Side) -> None:
    assert len(tone) == 8_000
    assert 8_500 < max(tone) < 9_500
    assert tone.reshape(-1, PACKET).any(axis=1).all()


def test_lost_packets_are_counted_on_either_side(tmp_path: Path, tone: Side) -> None:
    assert sipp.lost_packets(recording(tmp_path, tone, tone)) == 0
    torn = tone.copy()
    for packet in (3, 4, 20):
        torn[packet * PACKET : (packet + 1) * PACKET] = 0
    assert sipp.lost_packets(recording(tmp_path, torn, tone)) == 3
    assert sipp.lost_packets(recording(tmp_path, tone, torn)) == 3


def test_silence_before_and_after_the_talk_is_no_loss(tmp_path: Path, tone: Side) -> None:
    late = np.concatenate([np.zeros(5 * PACKET), tone, np.zeros(80)])
    assert sipp.lost_packets(recording(tmp_path, late, late)) == 0


def test_a_side_that_was_never_heard_lost_everything(tmp_path: Path, tone: Side) -> None:
    silent = np.zeros(len(tone))
    assert sipp.lost_packets(recording(tmp_path, tone, silent)) == len(tone) // PACKET


def test_without_sipp_it_is_said_where_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(sipp.SippError, match="apt-get install sip-tester"):
        sipp.path()
