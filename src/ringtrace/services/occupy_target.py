"""A gateway asks whether a target has room for one more call."""

from typing import Final

from ringtrace.domain.account import TokenOwner
from ringtrace.domain.occupancy import Occupancy
from ringtrace.services.arrival import call_id_is_valid
from ringtrace.services.errors import FieldInvalidError
from ringtrace.services.neighbours import NOBODY, CallOver, LegOver, Neighbours, Ring
from ringtrace.services.ports import Clock

ASK_SECONDS: Final = 0.25
"""So long the neighbours may take to count; the gateway rings after a second without an answer."""


class OccupyTarget:
    """In memory: what a restart forgets the gateways tell again within two minutes.

    With neighbours one count is kept for all of them; while that does not answer, each goes by the
    legs that it was told of itself.
    """

    def __init__(self, clock: Clock, neighbours: Neighbours = NOBODY) -> None:
        self._clock = clock
        self._neighbours = neighbours
        self._occupancy = Occupancy()

    async def __call__(
        self, owner: TokenOwner, call: str, leg: int, target: str, most: int | None
    ) -> bool:
        """Whether the leg may ring a target that has room for `most` calls of the account.

        None: it rings or talks already. Raises FieldInvalidError: `call`.
        """
        if not call_id_is_valid(call):
            raise FieldInvalidError("1 to 128 of A-Z a-z 0-9 . _ : @ - are needed", "call")
        asked = Ring(owner, call, leg, target, most)
        free: bool | None = await self._neighbours.ask(asked, ASK_SECONDS)
        if free is None:
            return self.count(asked)
        if free:
            self.count(Ring(owner, call, leg, target, None))
        return free

    def count(self, leg: Ring) -> bool:
        """Whether there is room among the legs that are known here."""
        key = (leg.owner.account_id, leg.target)
        call = (leg.owner, leg.call)
        return self._occupancy.occupy(key, call, leg.leg, leg.most, self._clock())

    def vacate(self, owner: TokenOwner, call: str, leg: int) -> None:
        """The leg is over."""
        self._occupancy.vacate((owner, call), leg)
        self._neighbours.post(LegOver(owner, call, leg))

    def end(self, owner: TokenOwner, call: str) -> None:
        """The call is over."""
        self._occupancy.end((owner, call))
        self._neighbours.post(CallOver(owner, call))
