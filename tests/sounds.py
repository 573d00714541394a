"""Sound files that tests upload and fetch."""

import io
import math
import struct
import subprocess
import wave
from pathlib import Path


def wav(seconds: float, rate: int = 8_000, channels: int = 1, hz: float = 400.0) -> bytes:
    """A tone of 16 bits."""
    out = io.BytesIO()
    samples = [
        round(8_000 * math.sin(2 * math.pi * hz * n / rate)) for n in range(round(seconds * rate))
    ]
    with wave.open(out, "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", ""))
        file.writeframes(b"".join(struct.pack("<h", one) * channels for one in samples))
    return out.getvalue()


def mp3(folder: Path, seconds: float) -> bytes:
    """The same tone, as a real encoder writes it."""
    source, made = folder / "tone.wav", folder / "tone.mp3"
    source.write_bytes(wav(seconds, 16_000))
    subprocess.run(["lame", "--quiet", str(source), str(made)], check=True)  # noqa: S603, S607 - the tests' own encoder
    return made.read_bytes()
