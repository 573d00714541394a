"""A gateway asks whether a target has room for one more call."""

from ringtrace.domain.account import TokenOwner
from ringtrace.domain.occupancy import Occupancy
from ringtrace.services.arrival import call_id_is_valid
from ringtrace.services.errors import FieldInvalidError
from ringtrace.services.ports import Clock


class OccupyTarget:
    """In memory: what a restart forgets the gateways tell again within two minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._occupancy = Occupancy()

    def __call__(
        self, owner: TokenOwner, call: str, leg: int, target: str, most: int | None
    ) -> bool:
        """Whether the leg may ring a target that has room for `most` calls of the account.

        None: it rings or talks already. Raises FieldInvalidError: `call`.
        """
        if not call_id_is_valid(call):
            raise FieldInvalidError("1 to 128 of A-Z a-z 0-9 . _ : @ - are needed", "call")
        key = (owner.account_id, target)
        return self._occupancy.occupy(key, (owner, call), leg, most, self._clock())

    def vacate(self, owner: TokenOwner, call: str, leg: int) -> None:
        """The leg is over."""
        self._occupancy.vacate((owner, call), leg)

    def end(self, owner: TokenOwner, call: str) -> None:
        """The call is over."""
        self._occupancy.end((owner, call))
