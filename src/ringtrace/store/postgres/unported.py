"""What the store port asks for and this store does not keep yet."""

from collections.abc import Sequence

from ringtrace.domain.notice import Delivery, Recipient
from ringtrace.services.ports import CallFilter, CallRecord, DeliveryFilter, DeliveryPage
from ringtrace.services.spam_records import ListingFilter, ListingPage, WatchedCall


class Unported:
    """Every method raises NotImplementedError."""

    async def unreported(self, account_id: int, since: int, until: int) -> Sequence[CallRecord]:
        raise NotImplementedError

    async def count_calls(self, account_id: int, where: CallFilter) -> int:
        raise NotImplementedError

    async def listings(
        self, account_id: int, where: ListingFilter, limit: int, offset: int
    ) -> ListingPage:
        raise NotImplementedError

    async def watched_calls(
        self, account_id: int, since: int, spam_since: int, most: int, caller: str | None
    ) -> Sequence[WatchedCall]:
        raise NotImplementedError

    async def recipients(self, account_id: int) -> Sequence[Recipient]:
        raise NotImplementedError

    async def deliveries(
        self, account_id: int, where: DeliveryFilter, limit: int, offset: int
    ) -> DeliveryPage:
        raise NotImplementedError

    async def delivery(self, account_id: int, delivery_id: str) -> Delivery | None:
        raise NotImplementedError

    async def due_deliveries(self, at: int, each: int, limit: int) -> Sequence[Delivery]:
        raise NotImplementedError
