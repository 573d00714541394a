"""A business uploads the sounds its flows play; gateways fetch them through links that expire."""

import asyncio
import hashlib
from collections.abc import Iterable
from typing import Final

from ringtrace.domain.flow import sounds_of
from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.sound import MOST, is_sound_name
from ringtrace.services.commands import DropSound, KeepSound
from ringtrace.services.directory import Directory
from ringtrace.services.errors import FieldInvalidError, NotFoundError, SoundInUseError
from ringtrace.services.ports import Clock, Store
from ringtrace.services.signature import Signer
from ringtrace.services.sound_file import sound_file

WEEK_MS: Final = 7 * DAY_MS


class KeepTheSound:
    def __init__(self, store: Store, directory: Directory, clock: Clock) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock

    async def __call__(
        self, account_id: int, name: str, content: bytes, made_by: str | None
    ) -> None:
        """A sound of that name is replaced; the next call hears the new one.

        `made_by` is the user's login, None through the API. Raises FieldInvalidError (name) and
        BodyInvalidError.
        """
        if not is_sound_name(name):
            raise FieldInvalidError("up to 100 of A-Z a-z 0-9 . _ - are needed", "name")
        known = {one.name for one in self._directory.sounds_of(account_id)}
        if name not in known and len(known) >= MOST:
            raise FieldInvalidError(f"an account has at most {MOST} sounds", "name")
        file = await asyncio.to_thread(sound_file, content)
        await self._store.submit(
            KeepSound(
                account_id=account_id,
                name=name,
                digest=hashlib.sha256(file.wav).hexdigest(),
                seconds=file.seconds,
                content=file.wav,
                made_at=self._clock(),
                made_by=made_by,
            )
        )
        await self._directory.refresh()

    async def drop(self, account_id: int, name: str) -> None:
        """Raises NotFoundError, and SoundInUseError while a flow plays it."""
        users = self.users(account_id, name)
        if users:
            raise SoundInUseError(f"it is played by {', '.join(users)}", "name")
        await self._store.submit(DropSound(account_id, name))
        await self._directory.refresh()

    def users(self, account_id: int, name: str) -> list[str]:
        """The flows that play it."""
        flows = self._directory.flows_of(account_id)
        return [one.name for one in flows if name in sounds_of(one.flow)]


class SoundLinks:
    """Links that anybody may open until they expire.

    They stay the same for a week, because platforms keep what they fetched under its address; the
    digest in them is another one when the sound is.
    """

    def __init__(self, key: bytes, directory: Directory, store: Store, clock: Clock) -> None:
        self._signer = Signer(key)
        self._directory = directory
        self._store = store
        self._clock = clock

    def of(self, account_id: int, names: Iterable[str]) -> dict[str, str]:
        """By name, of those that there are: path and query under the server's root."""
        known = {one.name: one.digest for one in self._directory.sounds_of(account_id)}
        return {name: self.path(account_id, known[name]) for name in names if name in known}

    def path(self, account_id: int, digest: str) -> str:
        """Good for one to two weeks."""
        expires = (self._clock() // WEEK_MS + 2) * WEEK_MS
        signature = self._signer.sign(_text(account_id, digest, expires))
        return f"/sounds/{account_id}/{digest}.wav?expires={expires}&signature={signature}"

    async def open(self, account_id: int, digest: str, expires: int, signature: str) -> bytes:
        """The WAV file. Raises NotFoundError, also for a link not made here or expired."""
        genuine = self._signer.has_signed(_text(account_id, digest, expires), signature)
        if not genuine or expires < self._clock():
            raise NotFoundError("no such sound, or the link has expired")
        content = await self._store.sound(account_id, digest)
        if content is None:
            raise NotFoundError("no such sound, or the link has expired")
        return content


def _text(account_id: int, digest: str, expires: int) -> str:
    return f"sound {account_id}/{digest}/{expires}"
