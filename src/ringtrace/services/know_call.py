"""What is known of a call while it rings, as far as its flow asks for it."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from ringtrace.domain.attribution import verdict
from ringtrace.domain.circumstances import Circumstances
from ringtrace.domain.demand import Demand, Demands
from ringtrace.domain.flow import Flow
from ringtrace.domain.number import TrackingNumber
from ringtrace.domain.plan import Collect
from ringtrace.services.attribute_call import attribute_call
from ringtrace.services.directory import Directory
from ringtrace.services.errors import RefusedError
from ringtrace.services.keep_sound import SoundLinks
from ringtrace.services.neighbours import NOBODY, Neighbours, TurnTaken
from ringtrace.services.ports import Reads

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.05
"""So long a ringing call may wait for what its flow asks of the visit or the caller."""


@dataclass(slots=True)
class _Look:
    """What is known so far."""

    known: Circumstances


class KnowCall:
    """What is known of a call while it rings."""

    def __init__(
        self,
        store: Reads,
        directory: Directory,
        links: SoundLinks,
        draw: Callable[[], float],
        neighbours: Neighbours = NOBODY,
    ) -> None:
        self._store = store
        self._directory = directory
        self._links = links
        self._draw = draw
        self._demands = Demands()
        self._neighbours = neighbours
        self._turns: Counter[tuple[int, str]] = Counter()
        self._looks: set[asyncio.Task[None]] = set()

    async def __call__(
        self,
        number: TrackingNumber,
        at: int,
        caller: str | None,
        flow: Flow,
        ask: Collect | None,
        digits: str | None = None,
    ) -> Circumstances:
        """Of a call that came `at` (ms since 1970 UTC) from `caller` (E.164, None: withheld)."""
        wanted = self._demands.of(flow)
        known = Circumstances(
            number=number.number,
            at=at,
            caller=caller,
            ask=ask,
            turn=self._turn(number, is_new=digits is None, matters=wanted.turn),
            chance=self._draw(),
            sounds=self._links.of(number.account_id, wanted.sounds) if wanted.sounds else {},
        )
        if (wanted.history and caller is not None) or wanted.visit:
            known = await self._in_time(_Look(known), number, wanted, digits)
        return known

    async def _in_time(
        self, look: _Look, number: TrackingNumber, wanted: Demand, digits: str | None
    ) -> Circumstances:
        """What is known when the caller has waited for long enough.

        A store may take its time to let go of a question, so nobody waits for that.
        """
        task = asyncio.create_task(self._look(look, number, wanted, digits))
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)
        try:
            done, _ = await asyncio.wait({task}, timeout=LOOK_SECONDS)
        finally:
            task.cancel()
        if not done:
            log.info("call_not_known_in_time account=%d", number.account_id)
        return look.known

    async def _look(
        self, look: _Look, number: TrackingNumber, wanted: Demand, digits: str | None
    ) -> None:
        try:
            if wanted.history and look.known.caller is not None:
                look.known = await self._with_history(look.known, number, look.known.caller)
            if wanted.visit:
                look.known = await self._with_visit(look.known, number, digits)
        except RefusedError:
            log.info("call_not_known account=%d", number.account_id)
        except Exception:  # whatever it is, the caller must get through
            log.exception("call_not_known account=%d", number.account_id)

    def _turn(self, number: TrackingNumber, *, is_new: bool, matters: bool) -> int:
        """Numbers of one flow take turns together; a call takes one, whatever is keyed in it."""
        key = (number.account_id, number.flow_name or number.number)
        if is_new:
            self._turns[key] += 1
            if matters:
                self._neighbours.tell(TurnTaken(*key, self._turns[key]))
        return max(0, self._turns[key] - 1)

    def hear_turn(self, taken: TurnTaken) -> None:
        key = (taken.account_id, taken.flow)
        self._turns[key] = max(self._turns[key], taken.count)

    async def _with_history(
        self, known: Circumstances, number: TrackingNumber, caller: str
    ) -> Circumstances:
        history = await self._store.caller_history(number.account_id, caller, known.at)
        return replace(
            known,
            called_before=history.called_before,
            last_target=history.last_target,
            tags=history.tags,
        )

    async def _with_visit(
        self, known: Circumstances, number: TrackingNumber, digits: str | None
    ) -> Circumstances:
        attribution = await attribute_call(
            self._store, self._directory, number, known.caller, known.at, digits
        )
        said = verdict(attribution)
        return replace(known, channel=said.channel, campaign=said.campaign, keyword=said.keyword)
