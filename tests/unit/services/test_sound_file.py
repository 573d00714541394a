"""What people upload becomes what every gateway plays."""

import io
import wave
from pathlib import Path

import pytest

from ringtrace.services.errors import BodyInvalidError
from ringtrace.services.sound_file import RATE, sound_file
from tests.sounds import mp3, wav


def header(content: bytes) -> tuple[int, int, int]:
    with wave.open(io.BytesIO(content)) as file:
        return file.getnchannels(), file.getsampwidth(), file.getframerate()


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (16_000, 1), (44_100, 2), (48_000, 1)])
def test_a_wav_file_becomes_telephone_audio(rate: int, channels: int) -> None:
    made = sound_file(wav(1.5, rate, channels))

    assert header(made.wav) == (1, 2, RATE)
    assert made.seconds == pytest.approx(1.5, abs=0.01)


def test_an_mp3_file_does_as_well(tmp_path: Path) -> None:
    made = sound_file(mp3(tmp_path, 2.0))

    assert header(made.wav) == (1, 2, RATE)
    assert made.seconds == pytest.approx(2.0, abs=0.15), "encoders add some silence"


def test_the_same_file_always_becomes_the_same() -> None:
    assert sound_file(wav(0.5)) == sound_file(wav(0.5))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "WAV or MP3"),
        (b"OggS" + b"x" * 100, "WAV or MP3"),
        (b"fLaC" + b"x" * 100, "WAV or MP3"),
        (b"#!/bin/sh\n", "WAV or MP3"),
        (b"RIFF\x00\x00\x00\x00WAVE" + b"\xff" * 100, "decoded"),
        (b"ID3" + b"\x00" * 1_000, "decoded"),
        (b"\xff\xfb" + b"x" * 1_000, "decoded"),
        (wav(0.0), "no sound"),
        (wav(121.0, 4_000), "longer"),
    ],
)
def test_what_cannot_be_played_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(BodyInvalidError, match=why):
        sound_file(content)
