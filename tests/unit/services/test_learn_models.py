"""Learning on request: one site at a time, and nobody waits for what is there already."""

import asyncio
import itertools
from typing import cast

from ringtrace.domain.account import Account
from ringtrace.domain.model import SHIPPED, Model
from ringtrace.domain.past import Past
from ringtrace.domain.site import Site
from ringtrace.services.commands import KeepModel
from ringtrace.services.directory import Directory
from ringtrace.services.learn_models import LearnModels
from ringtrace.services.ports import Store
from ringtrace.services.setup_records import Configuration, SiteModel


class Shelf:
    """A store of models."""

    def __init__(self) -> None:
        self.models: tuple[SiteModel, ...] = ()

    async def configuration(self) -> Configuration:
        site = Site(1, "shop", "Shop", (), ())
        return Configuration((Account(1, "Shop", "US"),), (site,), (), (), self.models)

    async def past(self, _account: int, _site: str, _at: int) -> Past:
        return Past((), (), ())

    async def submit(self, command: KeepModel) -> None:
        self.models = (SiteModel(1, command.site_key, command.model, command.made_at),)


async def test_wishes_made_while_a_site_is_learnt_are_fulfilled_by_one_more_time() -> None:
    store = cast(Store, Shelf())
    directory = Directory(store)
    await directory.refresh()
    clock = itertools.count(1)
    at_once = learnt = 0

    async def learner(_past: Past, _at: int) -> Model:
        nonlocal at_once, learnt
        at_once += 1
        assert at_once == 1
        for _ in range(20):
            await asyncio.sleep(0)
        at_once -= 1
        learnt += 1
        return SHIPPED

    learn_models = LearnModels(store, directory, lambda: next(clock), learner)

    await asyncio.gather(*(learn_models(1, "shop") for _ in range(5)))

    assert learnt == 2
