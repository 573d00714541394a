"""A worker's side of the line: `services.neighbours.Neighbours` in earnest."""

import asyncio
import contextlib
import logging
from typing import Any, Final

from ringtrace.services.errors import RefusedError
from ringtrace.services.neighbours import Crew, Ears, News, Question, Sum
from ringtrace.workers import messages
from ringtrace.workers.line import Line, Reply

log = logging.getLogger(__name__)

_GATHER_SECONDS: Final = 0.002
"""News of so long leaves in one frame: many calls a second make few."""


class KeptNeighbours:
    """`line` leads to the keeper, who passes on what is told."""

    def __init__(self, line: Line, seed: bytes) -> None:
        self.seed = seed
        self.crew: Crew | None = Crew(0, 0)
        self._line = line
        self._news: list[News] = []
        self._ears: Ears | None = None
        self._replies: set[asyncio.Task[None]] = set()

    def listen(self, ears: Ears) -> None:
        self._ears = ears

    def tell(self, news: News) -> None:
        if not self._news:
            asyncio.get_running_loop().call_later(_GATHER_SECONDS, self._send)
        self._news.append(news)

    def _send(self) -> None:
        gathered, self._news = self._news, []
        self._line.tell(messages.encode(gathered))

    def post(self, question: Question) -> None:
        self._line.post(messages.encode(question))

    async def ask(self, question: Question, seconds: float) -> Any:
        said = await self._line.ask(messages.encode(question), seconds)
        if said is None:
            return None
        decoder = messages.figures if isinstance(question, Sum) else messages.anything
        return decoder.decode(said)

    def told(self, said: bytes) -> None:
        if self._ears is None:
            return
        for one in messages.news.decode(said):
            self._ears.news[type(one)](one)

    def ordered(self, said: bytes, reply: Reply | None) -> None:
        """What the keeper asks of us."""
        order = messages.order.decode(said)
        if isinstance(order, messages.CrewNow):
            self.crew = order.crew
        elif reply is None:
            return
        elif isinstance(order, messages.Measure):
            reply(messages.encode(self._ears.figures() if self._ears else []))
        elif self._ears is None:
            reply(messages.YES)  # it has yet to be read for the first time
        else:
            task = asyncio.create_task(self._reload(self._ears, reply))
            self._replies.add(task)
            task.add_done_callback(self._replies.discard)

    async def _reload(self, ears: Ears, reply: Reply) -> None:
        # When the store is away it is read as soon as it is back (the house keeps up with it).
        with contextlib.suppress(RefusedError):
            await ears.reload()
        reply(messages.YES)
