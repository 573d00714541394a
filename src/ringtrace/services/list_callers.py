"""A business says which callers are blocked, asked or trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

from ringtrace.domain.blocklist import Listing, PatternInvalidError, Treatment, read_pattern
from ringtrace.services.commands import ListCallers, UnlistCaller
from ringtrace.services.directory import Directory
from ringtrace.services.errors import FieldInvalidError
from ringtrace.services.ports import Clock, Store

MOST_AT_ONCE = 10_000
_MOST_LETTERS = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """A number or a beginning (`+1900*`) as it was written, and how it is to be treated."""

    caller: str
    treatment: Treatment
    note: str = ""


class KeepTheList:
    def __init__(self, store: Store, directory: Directory, clock: Clock) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock

    async def add(
        self, account_id: int, wanted: Sequence[Wanted], added_by: str | None
    ) -> Sequence[Listing]:
        """All or nothing; answers them as they are read. What is listed otherwise is replaced.

        `added_by` is the user's login, None through the API. Raises FieldInvalidError with the
        path: `callers[3].caller`.
        """
        if not 1 <= len(wanted) <= MOST_AT_ONCE:
            raise FieldInvalidError(f"1 to {MOST_AT_ONCE} callers are needed", "callers")
        now = self._clock()
        listings = {
            one.pattern: one
            for i, said in enumerate(wanted)
            for one in (self._read(account_id, f"callers[{i}]", said, now, added_by),)
        }
        await self._store.submit(ListCallers(account_id, tuple(listings.values())))
        await self._directory.refresh()
        return tuple(listings.values())

    async def remove(self, account_id: int, pattern: str, removed_by: str | None) -> None:
        """Raises NotFoundError."""
        await self._store.submit(UnlistCaller(account_id, pattern, self._clock(), removed_by))
        await self._directory.refresh()

    async def distrust(self, account_id: int, caller: str, removed_by: str | None) -> None:
        """That he pressed a key once speaks for the caller no more; what a person said stands."""
        listing = self._directory.listing(account_id, caller)
        if listing is not None and listing.by_gate:
            await self.remove(account_id, caller, removed_by)

    def _read(
        self, account_id: int, path: str, said: Wanted, now: int, added_by: str | None
    ) -> Listing:
        account = self._directory.account(account_id)
        try:
            pattern = read_pattern(said.caller, account.region if account else None)
        except PatternInvalidError as error:
            raise FieldInvalidError(f"{said.caller!r}: {error}", f"{path}.caller") from error
        note = " ".join(said.note.split())
        if len(note) > _MOST_LETTERS:
            raise FieldInvalidError(f"{_MOST_LETTERS} characters are the most", f"{path}.note")
        return Listing(pattern, said.treatment, note, now, added_by)
