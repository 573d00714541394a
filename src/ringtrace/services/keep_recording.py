"""A gateway hands over the audio of a call; a person gets a link to it that expires."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from ringtrace.domain.account import TokenOwner
from ringtrace.domain.audio import Audio
from ringtrace.domain.call import GatewayKind
from ringtrace.domain.forgotten import is_forgotten
from ringtrace.domain.moment import MINUTE_MS
from ringtrace.services.call_records import CallRecord
from ringtrace.services.commands import NoteRecording
from ringtrace.services.errors import (
    CallUnknownError,
    NotFoundError,
    RecordingContradictsError,
)
from ringtrace.services.ports import Clock, Store
from ringtrace.services.recording_store import RecordingName, RecordingStore
from ringtrace.services.signature import Signer

LINK_MS = 15 * MINUTE_MS


class KeepRecording:
    def __init__(self, store: Store, recordings: RecordingStore) -> None:
        self._store = store
        self._recordings = recordings

    async def expect(self, owner: TokenOwner, call: str) -> Audio | None:
        """What is known of the call's audio. Raises CallUnknownError before it was reported."""
        return (await self._reported(owner, call)).audio

    async def __call__(self, owner: TokenOwner, call: str, file: Path, audio: Audio) -> None:
        """Keep a local `file`; durable when this returns. The same file again changes nothing.

        Raises CallUnknownError, RecordingContradictsError and RecordingsAwayError.
        """
        gateway = GatewayKind(owner.kind.value)
        reported = await self._reported(owner, call)
        if is_forgotten(reported.caller):
            # The gateway must not keep it either: it deletes what was taken.
            await asyncio.to_thread(file.unlink)
            return
        known = reported.audio
        if known is not None and known.sha256 is not None:
            name = RecordingName(owner.account_id, gateway, call, known.format)
            if await self._recordings.size(name) is not None:
                if known.sha256 != audio.sha256:
                    raise RecordingContradictsError("another recording of the call is kept", "body")
                return
        name = RecordingName(owner.account_id, gateway, call, audio.format)
        await self._recordings.keep(name, file, audio.sha256 or "")
        if not await self._store.submit(NoteRecording(owner.account_id, gateway, call, audio)):
            raise CallUnknownError("no such call", "call")

    async def _reported(self, owner: TokenOwner, call: str) -> CallRecord:
        known = await self._store.call(owner.account_id, GatewayKind(owner.kind.value), call)
        if known is None or known.report is None:
            raise CallUnknownError("no such call", "call")
        return known


@dataclass(frozen=True, slots=True)
class RecordingLink:
    """What a signed link points to."""

    account_id: int
    gateway: GatewayKind
    call: str


class RecordingLinks:
    """Links that anybody may open until they expire: `account/gateway/call` with a signature."""

    def __init__(self, key: bytes, clock: Clock) -> None:
        self._signer = Signer(key)
        self._clock = clock

    def path(self, account_id: int, call: CallRecord, lifetime: int = LINK_MS) -> str:
        """Path and query under the server's root, good for `lifetime` ms."""
        expires = self._clock() + lifetime
        link = RecordingLink(account_id, call.gateway, call.call)
        signature = self._signer.sign(_text(link, expires))
        return (
            f"/recordings/{account_id}/{call.gateway}/{call.call}"
            f"?expires={expires}&signature={signature}"
        )

    def open(self, link: RecordingLink, expires: int, signature: str) -> None:
        """Raises NotFoundError when the link was not made here or has expired."""
        genuine = self._signer.has_signed(_text(link, expires), signature)
        if not genuine or expires < self._clock():
            raise NotFoundError("no such recording, or the link has expired")


def _text(link: RecordingLink, expires: int) -> str:
    return f"{link.account_id}/{link.gateway}/{link.call}/{expires}"
