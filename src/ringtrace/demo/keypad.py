"""A telephone's keys and the way in which they travel."""

import asyncio
from enum import Enum

from ringtrace.demo.dialog import Dialog
from ringtrace.demo.rtp import RtpStream
from ringtrace.demo.transaction import Wire

_PERIOD = 0.25  # from one key to the next


class KeysAs(Enum):
    """In RTP as events or tones, or in SIP INFO of either common type."""

    EVENTS = "telephone-event"
    TONES = "tones"
    RELAY = "application/dtmf-relay"
    PLAIN = "application/dtmf"


async def press(keys: str, way: KeysAs, wire: Wire, dialog: Dialog, stream: RtpStream) -> None:
    for key in keys:
        if way in {KeysAs.EVENTS, KeysAs.TONES}:
            stream.press(key, as_tone=way is KeysAs.TONES)
        else:
            body = key if way is KeysAs.PLAIN else f"Signal={key}\r\nDuration=100\r\n"
            info = dialog.request("INFO", body=body, content_type=way.value)
            await wire.request(info, dialog.far_address).final()
        await asyncio.sleep(_PERIOD)
