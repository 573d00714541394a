"""What the node lets callers hear."""

import numpy as np
import pytest

from ringtrace.gateways.sip.g711 import LEVELS, PCMA, PCMU, RATE, decode, encode
from ringtrace.gateways.sip.inband import ToneReader
from ringtrace.gateways.sip.tones import (
    FRAME,
    PLEASE_KEY,
    Sound,
    progress_tones,
    silence,
    spoken,
)


@pytest.mark.parametrize("codec", [PCMU, PCMA])
def test_encoding_takes_the_nearest_level(codec: int) -> None:
    levels = np.array(LEVELS[codec], np.float64)
    assert decode(encode(levels, codec), codec).tolist() == levels.tolist()
    samples = np.arange(-32768.0, 32768.0, 7)
    nearest = np.abs(samples[:, None] - levels[None, :]).min(axis=1)
    assert np.abs(decode(encode(samples, codec), codec) - samples).tolist() == nearest.tolist()


def test_silence_is_the_usual_code() -> None:
    assert (set(silence(PCMU)), set(silence(PCMA))) == ({0xFF}, {0xD5})


def strongest(sound: Sound, at: float, seconds: float = 0.25) -> set[int]:
    """The frequencies that stand out in a stretch of the sound, to 4 Hz."""
    part = sound.samples[int(at * RATE) : int((at + seconds) * RATE)]
    spectrum = np.abs(np.fft.rfft(part))
    if not spectrum.any():
        return set()
    peaks = np.flatnonzero(spectrum > spectrum.max() / 2)
    return {round(peak * RATE / len(part)) for peak in peaks}


@pytest.mark.parametrize(
    ("number", "hz", "period"),
    [
        ("+12025550100", {440, 480}, 6.0),
        ("+442079460000", {400, 450}, 3.0),
        ("+74955550100", {425}, 4.0),
        ("+4930555010", {425}, 5.0),
    ],
)
def test_ringback_is_the_numbers_country(number: str, hz: set[int], period: float) -> None:
    ringback = progress_tones(number).ringback
    assert ringback.repeats
    assert len(ringback.samples) / RATE == pytest.approx(period, abs=0.02)
    found = strongest(ringback, 0.05)
    assert all(min(abs(f - h) for h in hz) <= 4 for f in found)
    assert all(min(abs(f - h) for f in found) <= 4 for h in hz)
    assert strongest(ringback, period - 0.5) == set()


def test_busy_is_short_and_ends() -> None:
    for number in ("+12025550100", "+442079460000", "+4930555010"):
        busy = progress_tones(number).busy
        assert not busy.repeats
        assert 2.5 <= len(busy.samples) / RATE <= 3.5


def test_the_nodes_own_prompt_has_no_key_in_it() -> None:
    assert ToneReader().read(PLEASE_KEY.samples) == ""
    assert PLEASE_KEY.samples.max() > 2000


def test_frames_are_whole() -> None:
    frames = PLEASE_KEY.frames(PCMU)
    assert {len(frame) for frame in frames} == {FRAME}
    assert len(frames) * FRAME == len(PLEASE_KEY.samples)


def test_speech_begins_after_a_moment_of_silence() -> None:
    prompt = spoken(np.full(1000, 4112.0))
    lead = int(0.3 * RATE)
    assert not prompt.samples[:lead].any()
    assert set(prompt.samples[lead : lead + 1000]) == {4112.0}
    assert len(prompt.samples) % FRAME == 0
