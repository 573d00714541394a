"""What several of the SIP node's tests need."""

import struct
from pathlib import Path

_FRAME = 160


def capture_of(path: Path, packets: int) -> None:
    """A packet capture of so many loud mu-law packets, 20 ms apart."""
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for number in range(packets):
        rtp = struct.pack("!BBHII", 0x80, 0, number, number * _FRAME, 7) + b"\x80" * _FRAME
        ip = struct.pack("!BBHHHBBHII", 0x45, 0, 28 + len(rtp), 0, 0, 64, 17, 0, 1, 2)
        frame = bytes(14) + ip + bytes(8) + rtp
        data += struct.pack("<IIII", 1000, number * 20_000 % 1_000_000, len(frame), len(frame))
        data += frame
    path.write_bytes(data)
