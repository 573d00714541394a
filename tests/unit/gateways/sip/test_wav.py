"""Sound files of any usual form become 8 kHz mono."""

import wave
from pathlib import Path

import numpy as np
import pytest

from ringtrace.gateways.sip.g711 import RATE, Samples
from ringtrace.gateways.sip.wav import LONGEST, SoundFileError, read_wav, write_wav


def tone(path: Path, hz: float, rate: int, width: int, channels: int) -> Path:
    samples = 0.25 * np.sin(2 * np.pi * hz * np.arange(rate) / rate)
    if width == 1:
        content = (samples * 127 + 128).astype(np.uint8)[:, None].tobytes()
    else:
        whole = (samples * 2 ** (8 * width - 1)).astype("<i4")
        content = b"".join(int(v).to_bytes(width, "little", signed=True) for v in whole)
    frames = [content[at : at + width] * channels for at in range(0, len(content), width)]
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(b"".join(frames))
    return path


def level(samples: Samples, hz: float) -> float:
    middle = samples[RATE // 4 : RATE * 3 // 4]
    return float(abs(np.exp(-2j * np.pi * hz / RATE * np.arange(len(middle))) @ middle)) * 2 / 4000


@pytest.mark.parametrize("rate", [RATE, 16_000, 22_050, 44_100, 6_000])
@pytest.mark.parametrize(("width", "channels"), [(2, 1), (1, 1), (3, 2), (4, 1)])
def test_a_tone_keeps_its_pitch_length_and_level(
    tmp_path: Path, rate: int, width: int, channels: int
) -> None:
    samples = read_wav(tone(tmp_path / "t.wav", 700, rate, width, channels))
    assert len(samples) == pytest.approx(RATE, abs=2)
    assert level(samples, 700) == pytest.approx(8192, rel=0.1)


def test_what_8_khz_cannot_carry_is_gone(tmp_path: Path) -> None:
    samples = read_wav(tone(tmp_path / "t.wav", 7_300, 44_100, 2, 1))
    assert np.abs(samples[RATE // 4 : -RATE // 4]).max() < 100


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    samples = np.array([0.0, 100.0, -32768.0, 40000.0])
    write_wav(tmp_path / "w.wav", samples)
    assert read_wav(tmp_path / "w.wav").tolist() == [0.0, 100.0, -32768.0, 32767.0]


def test_a_file_that_cannot_be_played_is_named(tmp_path: Path) -> None:
    with pytest.raises(SoundFileError, match=r"none\.wav cannot be read"):
        read_wav(tmp_path / "none.wav")
    (tmp_path / "torn.wav").write_bytes(b"RIFF")
    with pytest.raises(SoundFileError, match=r"torn\.wav is no WAV"):
        read_wav(tmp_path / "torn.wav")
    write_wav(tmp_path / "empty.wav", np.empty(0))
    with pytest.raises(SoundFileError, match=r"empty\.wav is empty"):
        read_wav(tmp_path / "empty.wav")
    write_wav(tmp_path / "long.wav", np.zeros(LONGEST * RATE + 1))
    with pytest.raises(SoundFileError, match=f"longer than {LONGEST} seconds"):
        read_wav(tmp_path / "long.wav")
