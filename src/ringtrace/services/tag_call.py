"""A user puts tags on a call and takes them off."""

from ringtrace.domain.call import GatewayKind
from ringtrace.domain.tag import TagInvalidError, read_tag
from ringtrace.services.commands import AddTag, RemoveTag
from ringtrace.services.errors import FieldInvalidError
from ringtrace.services.ports import Clock, Store


class TagCall:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def __call__(
        self, account_id: int, gateway: GatewayKind, call: str, text: str, made_by: str | None
    ) -> None:
        """One that the call has already stays as it is, with its author and time.

        `made_by` is the user's login, None through the API. Raises FieldInvalidError (tag) and
        NotFoundError (call).
        """
        tag = _read(text)
        await self._store.submit(
            AddTag(account_id, gateway, call, tag, made_at=self._clock(), made_by=made_by)
        )

    async def take_off(self, account_id: int, gateway: GatewayKind, call: str, text: str) -> None:
        """Raises FieldInvalidError (tag) and NotFoundError (call, tag)."""
        await self._store.submit(RemoveTag(account_id, gateway, call, _read(text)))


def _read(text: str) -> str:
    try:
        return read_tag(text)
    except TagInvalidError as error:
        raise FieldInvalidError(str(error), "tag") from error
