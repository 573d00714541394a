"""Rings the targets of a plan one after another, until one answers or none is left."""

import functools
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ringtrace.gateways.sip.exchange import Exchange
from ringtrace.gateways.sip.guard import guarded
from ringtrace.gateways.sip.leg import Leg, LegListener, destination
from ringtrace.gateways.sip.plan import Dial, Target
from ringtrace.gateways.sip.record import CallRecord, LegRecord

_log = logging.getLogger(__name__)
_NOBODY_RUNG = 500


@dataclass(frozen=True)
class HuntListener:
    """What the call wants to hear; `exhausted` gets the code of the last leg.

    `answered` gets the step and the target's description; after it the call says `skip` or
    talks, until `hung_up`.
    """

    offer: Callable[[], str]
    ringing: Callable[[], None]
    answered: Callable[[Dial, str], None]
    exhausted: Callable[[int], None]
    hung_up: Callable[[], None]
    in_call: Callable[[Any], None]
    abort: Callable[[], None]


class Hunt:
    """Writes each leg down in `record`, with times of `clock`. Runs on the loop."""

    def __init__(
        self,
        exchange: Exchange,
        record: CallRecord,
        listener: HuntListener,
        *,
        clock: Callable[[], float],
        max_forwards: int,
    ) -> None:
        self.leg: Leg | None = None
        self._exchange = exchange
        self._record = record
        self._listener = listener
        self._clock = clock
        self._max_forwards = max_forwards
        self._rest: Iterator[tuple[Dial, Target]] = iter(())

    @property
    def id(self) -> str:
        return self._record.call

    def abort(self) -> None:
        self._listener.abort()

    def start(self, dials: Sequence[Dial]) -> None:
        self._rest = ((dial, target) for dial in dials for target in dial.targets)
        self._ring_next(_NOBODY_RUNG)

    def skip(self, code: int) -> None:
        """The target that answered cannot be talked to: hang up, note `code` and go on."""
        self.hang_up()
        self._failed(code)

    def hang_up(self) -> None:
        leg, self.leg = self.leg, None
        if leg is not None:
            leg.hang_up()

    def _ring_next(self, last_code: int) -> None:
        dial, target = next(self._rest, (None, None))
        if dial is None or target is None:
            self._listener.exhausted(last_code)
            return
        self._record.legs.append(LegRecord(target=target.to, started_at=self._clock()))
        self._exchange.spool.journal(self._record)
        settings = self._exchange.settings
        leg = self.leg = Leg(
            self._exchange.config,
            self._exchange.loop,
            LegListener(
                ringing=self._listener.ringing,
                answered=functools.partial(self._listener.answered, dial),
                failed=self._failed,
                hung_up=self._listener.hung_up,
                in_call=self._listener.in_call,
            ),
            ring_seconds=target.ring_seconds,
            no_reply_seconds=settings.no_reply_seconds,
        )
        to = destination(target.to, settings.outbound_proxy)
        if to is None:
            _log.error("outbound_proxy_missing call=%s", self.id)
            self.skip(_NOBODY_RUNG)
            return
        self._exchange.resolver.resolve(
            to.host,
            lambda address: leg.dial(
                to,
                address,
                caller_id=dial.caller_id,
                offer=self._listener.offer(),
                max_forwards=self._max_forwards,
            ),
        )

    @guarded
    def _failed(self, code: int) -> None:
        self.leg = None
        leg = self._record.legs[-1]
        leg.ended_at, leg.code = self._clock(), code
        _log.info("leg_failed call=%s leg=%d code=%d", self.id, len(self._record.legs), code)
        self._ring_next(code)
