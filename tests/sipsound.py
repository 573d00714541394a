"""What several of the SIP node's tests need to hear."""

import array
import asyncio
import io
import math
import wave

import numpy as np

from ringtrace.demo.behaviour import AgentCall
from ringtrace.demo.phone import Phone

RATE = 8000
_STEP = RATE // 10


def level(samples: "tuple[int, ...] | list[int] | array.array[int]", hz: float) -> float:
    """Amplitude of the frequency `hz` in the samples."""
    wave_form = np.array(samples, np.float64)
    turn = np.exp(-2j * math.pi * hz / RATE * np.arange(len(wave_form)))
    return float(2 * abs(turn @ wave_form) / max(1, len(wave_form)))


def heard(
    samples: "tuple[int, ...] | list[int] | array.array[int]", hz: float, least: float = 1000
) -> list[float]:
    """At which seconds `hz` begins or goes on, in steps of 0.1 s."""
    return [
        at / RATE
        for at in range(0, len(samples) - _STEP + 1, _STEP)
        if level(samples[at : at + _STEP], hz) > least
    ]


def channels(wav: bytes) -> tuple["array.array[int]", "array.array[int]"]:
    """Left and right of a stereo recording."""
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, RATE, 2)
        samples = array.array("h", file.readframes(file.getnframes()))
    return samples[0::2], samples[1::2]


async def agent_call(phone: Phone) -> AgentCall:
    """The next call that was over for the telephone of the agents."""
    return await asyncio.wait_for(phone.agent_calls.get(), 20)
