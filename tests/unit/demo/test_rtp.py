"""The telephone's ear tells what its mouth said."""

import pytest

from ringtrace.demo import rtp
from ringtrace.demo.rtp import audio_address, audio_sdp, heard


@pytest.mark.parametrize("hz", [200.0, 440.0, 1004.0, 3000.0])
def test_tone_is_heard_with_its_frequency_and_level(hz: float) -> None:
    told = heard([rtp._tone(hz, n * 160) for n in range(50)])
    assert told.packets == 50
    assert told.hz == pytest.approx(hz, abs=3)
    assert told.rms == pytest.approx(8000 / 32768 / 2**0.5, rel=0.03)


def test_silence_has_no_frequency() -> None:
    assert heard([rtp._tone(0, 0)] * 50) == rtp.Heard(50, 0.0, None)
    assert heard([]) == rtp.Heard(0, 0.0, None)


def test_every_sample_survives_coding_within_a_step() -> None:
    for sample in range(-32635, 32636, 7):
        decoded = rtp._LINEAR[rtp._to_mulaw(sample)]
        assert abs(decoded - sample) <= max(8, abs(sample) // 16)


def test_description_says_where_the_sound_goes() -> None:
    assert audio_address(audio_sdp("127.0.0.2", 4000)) == ("127.0.0.2", 4000)
    with pytest.raises(ValueError, match="sdp"):
        audio_address("v=0\r\n")
