"""Questions that need visits which have left the store: the lake is asked for these."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from ringtrace.services.call_records import CallFilter, VisitRecord
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.ports import ChannelReports

R = TypeVar("R")
Archived = Mapping[str, int]
"""Visits by channel, of a span of which not all are in the store."""


async def with_visits(
    ask: Callable[[Archived | None], Awaitable[R | None]],
    reports: ChannelReports | None,
    account_id: int,
    where: CallFilter,
) -> R:
    """What the store answers, which is None where it does not have all visits of the span.

    Raises StoreAwayError.
    """
    found = await ask(None)
    if found is not None:
        return found
    visits = None if reports is None else await reports.visits(account_id, where)
    found = None if visits is None else await ask(visits)
    if found is None:
        raise StoreAwayError("the visits of that time are in the lake, which cannot be read")
    return found


async def visit(
    here: Callable[[], Awaitable[VisitRecord | None]],
    complete_since: Callable[[], Awaitable[int]],
    reports: ChannelReports | None,
    account_id: int,
    visit_id: str,
) -> VisitRecord | None:
    """`complete_since` is asked last: a visit that has just left is found in the lake."""
    found = await here()
    if found is not None or reports is None or not await complete_since():
        return found
    return await reports.visit(account_id, visit_id)
