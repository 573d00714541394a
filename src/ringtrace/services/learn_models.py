"""Every night each site's model is learnt anew from what its visitors and callers did."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from ringtrace.domain.model import Model
from ringtrace.domain.moment import DAY_MS, MINUTE_MS
from ringtrace.domain.past import Past
from ringtrace.services.commands import KeepModel
from ringtrace.services.directory import Directory
from ringtrace.services.errors import NotFoundError, StoreAwayError
from ringtrace.services.ports import Clock, Store
from ringtrace.services.setup_records import SiteModel

log = logging.getLogger(__name__)

NIGHT_MS = 10 * MINUTE_MS
"""Learning begins so long after midnight UTC, when the day's last reports are in."""

LOOK_SECONDS = 60.0

Learner = Callable[[Past, int], Awaitable[Model]]
"""Learns where it disturbs nobody: in a process of its own."""


class LearnModels:
    def __init__(self, store: Store, directory: Directory, clock: Clock, learner: Learner) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock
        self._learner = learner
        self._turn = asyncio.Lock()

    async def __call__(self, account_id: int, site_key: str) -> Model:
        """Learn now, one site at a time. Raises NotFoundError: a site that is not the account's."""
        self._own(account_id, site_key)
        asked_at = self._clock()
        async with self._turn:
            learnt = self._directory.learnt(site_key)
            # Somebody else's wish that began after this one was made has fulfilled it.
            if learnt is not None and learnt.made_at > asked_at:
                return learnt.model
            return await self._learn(account_id, site_key, self._clock())

    def newest(self, account_id: int, site_key: str) -> SiteModel | None:
        """What was learnt of the site last, None if nothing was. Raises NotFoundError as above."""
        self._own(account_id, site_key)
        return self._directory.learnt(site_key)

    def _own(self, account_id: int, site_key: str) -> None:
        site = self._directory.site(site_key)
        if site is None or site.account_id != account_id:
            raise NotFoundError("no such site", "site")

    async def _learn(self, account_id: int, site_key: str, at: int) -> Model:
        learnt = await self._learner(await self._store.past(account_id, site_key, at), at)
        # Attributions name their model, so no two models may share a name.
        model = replace(learnt, name=f"{site_key}-{at}")
        await self._store.submit(KeepModel(account_id, site_key, model, at))
        await self._directory.refresh()
        log.info("model_learnt site=%s model=%s", site_key, model.name)
        return model

    async def every_night(self) -> None:
        """Runs until it is cancelled; one site that cannot be learnt does not stop the others.

        Of several servers one learns; who comes second finds everything learnt.
        """
        done = _night(self._clock())
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            night = _night(self._clock())
            if night == done:
                continue
            try:
                async with self._store.alone("learning") as mine:
                    if mine:
                        await self._learn_all(night)
                        done = night
            except StoreAwayError:
                log.warning("models_not_learnt")

    async def _learn_all(self, night: int) -> None:
        """What nobody has learnt since the night began. Raises StoreAwayError."""
        await self._directory.refresh()
        for site in self._directory.sites():
            learnt = self._directory.learnt(site.key)
            if learnt is not None and _night(learnt.made_at) >= night:
                continue
            try:
                await self(site.account_id, site.key)
            except Exception:  # a killed learner too must not end the nights
                log.exception("model_not_learnt site=%s", site.key)


def _night(at: int) -> int:
    """The number of the night that begins last before `at`, ms since 1970 UTC."""
    return (at - NIGHT_MS) // DAY_MS
