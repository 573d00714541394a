"""Keys as tones in the audio: what a network must take, and what speech must not become."""

import numpy as np
import numpy.typing as npt
import pytest

from ringtrace.gateways.sip.g711 import PCMA, PCMU, RATE, decode, encode
from ringtrace.gateways.sip.inband import ToneReader

ALL_KEYS = "0123456789*#ABCD"
ROWS = {"123A": 697, "456B": 770, "789C": 852, "*0#D": 941}
COLUMNS = (1209, 1336, 1477, 1633)
Samples = npt.NDArray[np.float64]


def press(
    key: str, *, ms: float = 50, level: float = -12, twist: float = 0, off: float = 0
) -> Samples:
    """`level` in dB of full scale for each tone, `twist` dB more for the high one, `off` in %."""
    row, low = next((row, hz) for row, hz in ROWS.items() if key in row)
    high = COLUMNS[row.index(key)]
    time = np.arange(int(ms * RATE / 1000)) / RATE
    sound: Samples = np.zeros(len(time))
    for hz, gain in ((low, level), (high, level + twist)):
        tone = np.sin(2 * np.pi * hz * (1 + off / 100) * time)
        sound += 32768 * 10 ** (gain / 20) * tone
    return sound


def silence(ms: float) -> Samples:
    return np.zeros(int(ms * RATE / 1000))


def dial(keys: str, *, gap: float = 50, lead: float = 100, **how: float) -> Samples:
    parts = [silence(lead)]
    for key in keys:
        parts += [press(key, **how), silence(gap)]
    return np.concatenate([*parts, silence(60)])


def read(sound: Samples, codec: int = PCMU, frame: int = 160) -> str:
    """Through G.711 and packets, as it comes from a network."""
    reader = ToneReader()
    coded = decode(encode(sound, codec), codec)
    return "".join(reader.read(coded[at : at + frame]) for at in range(0, len(coded), frame))


@pytest.mark.parametrize("codec", [PCMU, PCMA])
@pytest.mark.parametrize("frame", [80, 160, 240])
def test_every_key_is_read_once(codec: int, frame: int) -> None:
    assert read(dial(ALL_KEYS), codec, frame) == ALL_KEYS


@pytest.mark.parametrize("lead", [100 + n * 2.5 for n in range(8)])
def test_the_shortest_presses_of_q24_are_taken_wherever_they_fall(lead: float) -> None:
    assert read(dial("1155990", ms=40, gap=40, lead=lead)) == "1155990"


@pytest.mark.parametrize(
    "how", [{"twist": 6.0}, {"twist": -6.0}, {"level": -32.0}, {"level": -9.0}]
)
def test_weak_and_twisted_tones_are_taken(how: dict[str, float]) -> None:
    assert read(dial("0123456789", ms=80, **how)) == "0123456789"


@pytest.mark.parametrize("off", [-1.5, 1.5])
def test_tones_a_little_off_are_taken(off: float) -> None:
    assert read(dial("0123456789", ms=80, off=off)) == "0123456789"


def test_noise_as_on_a_bad_line_is_taken_in_stride() -> None:
    rng = np.random.default_rng(7)
    sound = dial("4217", ms=80)
    assert read(sound + rng.normal(0, 500, len(sound))) == "4217"


def test_a_long_press_is_one_key() -> None:
    assert read(dial("5", ms=2000)) == "5"


def test_a_blip_is_no_key() -> None:
    assert read(dial("5", ms=20)) == ""


def test_a_single_tone_is_no_key() -> None:
    time = np.arange(RATE) / RATE
    for hz in (425, 600, 697, 800, 1336, 1000):
        assert read(8000 * np.sin(2 * np.pi * hz * time)) == ""


def test_noise_and_voice_like_sounds_are_no_keys() -> None:
    """A minute each of noise and of harmonic sounds whose pitch glides as in speech."""
    rng = np.random.default_rng(11)
    assert read(rng.normal(0, 4000, 60 * RATE)) == ""
    time = np.arange(60 * RATE) / RATE
    pitch = 120 + 60 * np.sin(2 * np.pi * 0.7 * time) + 30 * np.sin(2 * np.pi * 2.3 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = np.zeros(len(time))
    for harmonic in range(1, 25):
        swell = 0.5 + 0.5 * np.sin(2 * np.pi * 0.31 * harmonic * time + harmonic)
        voice += 4000 / harmonic**0.7 * swell * np.sin(harmonic * phase)
    assert read(voice) == ""
