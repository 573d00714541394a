"""The real encoders keep both sides of a recording, each on its own channel."""

import io
import logging
import shutil
import subprocess
import time
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ringtrace.domain.audio import AudioFormat
from ringtrace.gateways.sip import encoder as encoder_module
from ringtrace.gateways.sip.encoder import Encoder

RATE = 8000
SECONDS = 6
CALLER_HZ, AGENT_HZ = 440, 1210
Samples = npt.NDArray[np.float64]


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    """A tone of its own on each channel, in bursts of half a second."""
    times = np.arange(SECONDS * RATE) / RATE
    speaks = times % 1 < 0.5
    sides = [8_000 * np.sin(2 * np.pi * hz * times) * speaks for hz in (CALLER_HZ, AGENT_HZ)]
    with wave.open(str(tmp_path / "in.wav"), "wb") as file:
        file.setparams((2, 2, RATE, 0, "NONE", ""))
        file.writeframes(np.stack(sides, axis=1).astype("<i2").tobytes())
    return tmp_path / "in.wav"


def channels(file: Path) -> tuple[Samples, Samples]:
    """As a player hears them."""
    command = ["ffmpeg", "-v", "error", "-i", str(file), "-ar", str(RATE), "-f", "wav", "-"]
    decoded = subprocess.run(command, check=True, capture_output=True).stdout  # noqa: S603 - a decoder
    with wave.open(io.BytesIO(decoded)) as sound:
        assert sound.getnchannels() == 2
        samples = np.frombuffer(sound.readframes(SECONDS * RATE * 2), "<i2").astype(np.float64)
    return samples[0::2], samples[1::2]


def level(samples: Samples, hz: float) -> float:
    """Amplitude of `hz` in the burst of the fourth second."""
    burst = samples[3 * RATE + 400 : 3 * RATE + 3_600]
    turn = np.exp(-2j * np.pi * hz / RATE * np.arange(len(burst)))
    return float(2 * abs(turn @ burst) / len(burst))


def only(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Nothing else is installed."""
    monkeypatch.setattr(shutil, "which", lambda name: name if name == program else None)


ENCODERS = [
    (kind, command[0])
    for kind, commands in encoder_module._COMMANDS.items()
    for command in commands
]


@pytest.mark.parametrize(("kind", "program"), ENCODERS)
def test_both_sides_are_kept_apart_and_in_their_place(
    kind: AudioFormat, program: str, wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shutil.which(program), f"install {program}"
    only(monkeypatch, program)
    file = tmp_path / "out"

    assert Encoder(kind).encode(wav, SECONDS, file)

    left, right = channels(file)
    assert file.stat().st_size < wav.stat().st_size * 0.8
    assert level(left, CALLER_HZ) == pytest.approx(8_000, rel=0.1)
    assert level(right, AGENT_HZ) == pytest.approx(8_000, rel=0.1)
    assert level(left, AGENT_HZ) < 40
    assert level(right, CALLER_HZ) < 40
    for side, spoken in zip((left, right), channels(wav), strict=True):
        assert abs(begin(side) - begin(spoken)) < 0.03


def begin(samples: Samples) -> float:
    """Second of the fifth burst's first sound."""
    return float(np.argmax(np.abs(samples[int(3.75 * RATE) :]) > 2_000)) / RATE


def test_flac_loses_nothing(wav: Path, tmp_path: Path) -> None:
    assert Encoder(AudioFormat.FLAC).encode(wav, SECONDS, tmp_path / "out")

    for side, spoken in zip(channels(tmp_path / "out"), channels(wav), strict=True):
        assert np.array_equal(side, spoken)


@pytest.mark.parametrize(("kind", "program"), ENCODERS)
def test_the_same_sound_makes_the_same_file(
    kind: AudioFormat, program: str, wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, program)
    for name in ("a", "b"):
        assert Encoder(kind).encode(wav, SECONDS, tmp_path / name)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_format_without_its_program_is_told_at_the_start(
    wav: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    only(monkeypatch, "none")
    encoder = Encoder(AudioFormat.MP3)

    assert "encoder_missing format=mp3 programs=lame,ffmpeg" in caplog.text
    assert not encoder.encode(wav, SECONDS, tmp_path / "out")


def test_wav_needs_no_program(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    only(monkeypatch, "none")
    Encoder(AudioFormat.WAV)

    assert caplog.text == ""


@pytest.mark.parametrize(
    "command",
    [
        ("false",),
        ("gone-program",),
        ("cp", "{wav}", "{file}"),  # what comes out is no FLAC
        ("touch", "{file}"),
        ("sh", "-c", "head -c 100 {wav} > {file}; exit 3"),
        ("true",),
    ],
)
def test_an_encoder_that_fails_leaves_nothing(
    command: tuple[str, ...],
    wav: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    encoder = Encoder(AudioFormat.FLAC)
    monkeypatch.setattr(encoder, "_command", command)

    assert not encoder.encode(wav, SECONDS, tmp_path / "out")
    assert f"encoder_failed program={command[0]}" in caplog.text
    assert not (tmp_path / "out").exists()


def test_an_encoder_that_takes_too_long_is_ended(
    wav: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    encoder = Encoder(AudioFormat.FLAC)
    monkeypatch.setattr(encoder, "_command", ("sleep", "60"))
    monkeypatch.setattr(encoder_module, "_LEAST_SECONDS", 0.1)
    began = time.monotonic()

    assert not encoder.encode(wav, SECONDS, tmp_path / "out")
    assert time.monotonic() - began < 5
    assert "encoder_failed program=sleep error=TimeoutExpired" in caplog.text
