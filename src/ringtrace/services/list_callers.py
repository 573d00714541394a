"""A business says which callers are blocked, asked or trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from ringtrace.domain.blocklist import (
    ANY,
    Breadth,
    Listing,
    PatternInvalidError,
    Treatment,
    breadth,
    read_pattern,
)
from ringtrace.domain.moment import DAY_MS
from ringtrace.services.commands import ListCallers, UnlistCaller
from ringtrace.services.countries import some_countries
from ringtrace.services.directory import Directory
from ringtrace.services.errors import ConfirmationNeededError, FieldInvalidError
from ringtrace.services.ports import Clock, Store

MOST_AT_ONCE = 10_000
_MOST_LETTERS = 200
_MOST_TOLD = 5
_LOOKED_BACK_DAYS = 90


@dataclass(frozen=True, slots=True)
class Wanted:
    """A number or a beginning (`+1900*`) as it was written, and how it is to be treated.

    `confirmed`: it is meant, even if it blocks a country.
    """

    caller: str
    treatment: Treatment
    note: str = ""
    confirmed: bool = False


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
        path: `callers[3].caller`, and ConfirmationNeededError: `callers[3].confirm`.
        """
        if not 1 <= len(wanted) <= MOST_AT_ONCE:
            raise FieldInvalidError(f"1 to {MOST_AT_ONCE} callers are needed", "callers")
        now = self._clock()
        read = [
            self._read(account_id, f"callers[{i}]", said, now, added_by)
            for i, said in enumerate(wanted)
        ]
        wide = {
            i: (one.pattern, found)
            for i, one in enumerate(read)
            if one.treatment is Treatment.BLOCK and (found := breadth(one.pattern)) is not None
        }
        for i in wide:
            if not wanted[i].confirmed:
                raise await self._in_doubt(account_id, i, dict(wide.values()), now)
        listings = {one.pattern: one for one in read}
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

    async def _in_doubt(
        self, account_id: int, first: int, wide: Mapping[str, Breadth], now: int
    ) -> ConfirmationNeededError:
        """What would be blocked, and how much of what called lately that is."""
        told = [
            await self._told(account_id, pattern, found, now)
            for pattern, found in islice(wide.items(), _MOST_TOLD)
        ]
        if len(wide) > _MOST_TOLD:
            told.append(f"{len(wide) - _MOST_TOLD} more are as wide")
        return ConfirmationNeededError(
            ". ".join(("this needs to be confirmed", *told)),
            f"callers[{first}].confirm",
            tuple(wide),
        )

    async def _told(self, account_id: int, pattern: str, found: Breadth, now: int) -> str:
        account = self._directory.account(account_id)
        since = now - _LOOKED_BACK_DAYS * DAY_MS
        lately = await self._store.calls_from(account_id, pattern.removesuffix(ANY), since)
        where = some_countries(found.countries, account.region if account else None)
        return (
            f"{pattern} means {'every number' if found.whole else 'a large part of the numbers'} of"
            f" {where}; {lately.calls:,} {'call' if lately.calls == 1 else 'calls'} of"
            f" {lately.callers:,} {'caller' if lately.callers == 1 else 'callers'} began so in the"
            f" last {_LOOKED_BACK_DAYS} days"
        )

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
