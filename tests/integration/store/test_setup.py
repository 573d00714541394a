"""Who there is and what is to happen to calls, as every store keeps it."""

import asyncio
from dataclasses import replace

import msgspec
import pytest

from ringtrace.domain.account import Account, TokenKind, TokenOwner, User
from ringtrace.domain.canary import PUBLISHED_WAIT_MS
from ringtrace.domain.extension import Extension
from ringtrace.domain.flow import Flow
from ringtrace.domain.model import SHIPPED
from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.number import NumberKind, TrackingNumber
from ringtrace.domain.past import PastCanary
from ringtrace.domain.site import Site
from ringtrace.services.commands import AddToken, KeepModel, OpenAccount
from ringtrace.services.errors import FieldInvalidError, NumberTakenError
from ringtrace.services.ports import Store
from ringtrace.services.setup_records import Configuration, KeptFlow, SiteModel
from tests.stores import FLOW, MAIL, NOW, POOL, STATIC, Place, setup, view, with_static


def night(target: str) -> Flow:
    return msgspec.structs.replace(Flow.ringing([target]), name="Night")


def names(found: Configuration) -> list[str]:
    return [one.number for one in found.numbers]


async def test_an_empty_store_has_nothing(store: Store) -> None:
    assert await store.configuration() == Configuration((), (), (), ())
    assert await store.user("admin") is None
    assert await store.flow(1, "Night", 1) is None


async def test_accounts_are_numbered_and_their_users_found_by_login(store: Store) -> None:
    first = await store.submit(OpenAccount(0, "A", "US", "admin", "hash"))
    second = await store.submit(OpenAccount(0, "Б", "RU", "Admin", "other"))

    assert (first, second) == (1, 2)
    assert await store.user("admin") == User(1, "admin", "hash")
    assert await store.user("Admin") == User(2, "Admin", "other")
    assert await store.user("admin\0") is None
    accounts = (await store.configuration()).accounts
    assert accounts == (Account(1, "A", "US"), Account(2, "Б", "RU"))


async def test_a_login_is_given_out_once(store: Store) -> None:
    asked = [OpenAccount(0, f"A{n}", "US", "admin", f"hash{n}") for n in range(4)]

    told = await asyncio.gather(*(store.submit(one) for one in asked), return_exceptions=True)

    (opened,) = [one for one in told if isinstance(one, int)]
    refused = [one for one in told if isinstance(one, FieldInvalidError)]
    assert (len(refused), {one.field for one in refused}) == (3, {"login"})
    user = await store.user("admin")
    assert user is not None
    assert user.account_id == opened
    assert len((await store.configuration()).accounts) == 1


async def test_a_setup_is_read_as_it_was_applied(place: Place) -> None:
    store = await place.open()
    site = Site(1, "shop", "Ü", ("https://a.example", "b"), ("+12025550100",), 0.25)
    codes = (Extension("6179", "Barn", MAIL, night("+12025550192")), Extension("1", "", MAIL, None))
    numbers = (
        TrackingNumber(1, POOL[1], NumberKind.POOL, "p1", FLOW, "shop", None, True),
        TrackingNumber(1, POOL[0], NumberKind.POOL, "p0", FLOW, "shop", None, False),
        TrackingNumber(1, POOL[2], NumberKind.CANARY, "c", FLOW, "shop", None, True),
        TrackingNumber(1, STATIC, NumberKind.STATIC, "s", FLOW, None, MAIL, True, codes),
    )
    account = Account(1, "New name", "DE")
    await store.submit(setup(numbers=()))
    await store.submit(replace(setup(), account=account, sites=(site,), numbers=numbers))
    await place.close(store)

    found = await (await place.open()).configuration()

    assert found.accounts == (account,)
    assert found.sites == (site, Site(1, "site1", "S", (), ()))
    assert found.numbers == (numbers[3], numbers[0], numbers[1], numbers[2])


async def test_what_a_later_setup_does_not_name_stays(store: Store) -> None:
    await store.submit(with_static(setup()))
    renamed = replace(setup().numbers[0], name="new")

    await store.submit(replace(setup(), sites=(), numbers=(renamed,)))

    found = await store.configuration()
    assert names(found) == [STATIC, *POOL]
    assert found.numbers[1].name == "new"
    assert len(found.sites) == 1


async def test_what_belongs_to_another_account_is_refused_whole(store: Store) -> None:
    await store.submit(setup())
    await store.submit(setup(2, ()))
    before = await store.configuration()
    thief = setup(2, ("+12025550298", POOL[0], "+12025550297"))
    squatter = replace(
        setup(2, ("+12025550298",)),
        sites=(Site(2, "new", "", (), ()), Site(2, "site1", "", (), ())),
    )

    with pytest.raises(NumberTakenError) as number:
        await store.submit(replace(thief, account=Account(2, "Renamed", "US")))
    with pytest.raises(FieldInvalidError) as key:
        await store.submit(squatter)

    assert (number.value.field, key.value.field) == ("number", "site[1].key")
    assert await store.configuration() == before
    await store.submit(setup(3, ("+12025550298",)))


async def test_the_newest_version_of_a_flow_counts_and_older_ones_stay(store: Store) -> None:
    follows = replace(setup().numbers[0], flow_name="Night")
    first, second = night("+12025550191"), night("+12025550192")
    for at, flow in ((1, first), (2, first), (3, second), (4, first)):
        await store.submit(replace(setup(numbers=()), numbers=(follows,), flows=(flow,), at=at))

    found = await store.configuration()

    assert found.flows == (KeptFlow(1, "Night", 3, first, 4),)
    (number,) = found.numbers
    assert (number.flow, number.flow_label) == (first, "Night 3")
    assert await store.flow(1, "Night", 2) == KeptFlow(1, "Night", 2, second, 3)
    assert await store.flow(1, "Night", 4) is None
    assert await store.flow(2, "Night", 1) is None


async def test_the_newest_two_tokens_of_a_kind_are_valid(store: Store) -> None:
    await store.submit(setup(numbers=()))
    for n in range(4):
        await store.submit(AddToken(1, TokenKind.SIP, f"sip{n}", NOW))
    await store.submit(AddToken(1, TokenKind.API, "api", NOW - 5))

    tokens = dict((await store.configuration()).tokens)

    owner = TokenOwner(1, TokenKind.SIP)
    assert tokens == {"sip2": owner, "sip3": owner, "api": TokenOwner(1, TokenKind.API)}
    listed = [(one.kind, one.issued_at) for one in await store.tokens(1)]
    assert [kind for kind, _ in listed] == [TokenKind.SIP, TokenKind.SIP, TokenKind.API]
    assert listed[0][1] > listed[1][1] >= NOW
    assert not await store.tokens(2)


async def test_the_newest_model_of_a_site_counts(store: Store) -> None:
    await store.submit(setup())
    old, new = replace(SHIPPED, channels={"Ü": 0.5}), replace(SHIPPED, keywords={"k": 1 / 3})
    await store.submit(KeepModel(1, "site1", new, NOW + DAY_MS))
    await store.submit(KeepModel(1, "site1", old, NOW))
    await store.submit(KeepModel(1, "other", old, NOW))
    await store.submit(KeepModel(1, "other", new, NOW))

    found = (await store.configuration()).models

    assert sorted(found, key=lambda one: one.site_key) == [
        SiteModel(1, "other", new, NOW),
        SiteModel(1, "site1", new, NOW + DAY_MS),
    ]


async def test_a_number_is_a_canary_since_it_became_one(store: Store) -> None:
    async def become(kind: NumberKind, at: int) -> None:
        number = replace(setup().numbers[0], kind=kind)
        await store.submit(replace(setup(), numbers=(number,), at=at))

    async def since() -> tuple[PastCanary, ...]:
        return (await store.past(1, "site1", NOW + 90 * DAY_MS)).canaries

    for at in (NOW, NOW + 1):
        await become(NumberKind.CANARY, at)
    first = await since()
    await become(NumberKind.POOL, NOW + 2)
    await store.submit(view(1, NOW + 3))
    assert await since() == ()
    await become(NumberKind.CANARY, NOW + 4)

    assert first == (PastCanary(POOL[0], NOW),)
    # Whoever was shown it may still call for the length of the window.
    assert await since() == (PastCanary(POOL[0], NOW + 3 + 14 * DAY_MS),)


@pytest.mark.parametrize("meanwhile", [(), (NumberKind.POOL,), (NumberKind.CANARY,)])
async def test_a_number_that_was_published_is_no_canary_for_a_year(
    store: Store, meanwhile: tuple[NumberKind, ...]
) -> None:
    """From when it stopped being static, whatever it was in between."""

    async def become(kind: NumberKind, at: int, *, active: bool = True) -> None:
        number = replace(setup().numbers[0], kind=kind, active=active)
        await store.submit(replace(setup(), numbers=(number,), at=at))

    await become(NumberKind.STATIC, NOW)
    await become(NumberKind.STATIC, NOW + 1)
    for kind in meanwhile:
        await become(kind, NOW + 2)
        await become(kind, NOW + 3, active=False)
    await become(NumberKind.CANARY, NOW + 2 if not meanwhile else NOW + 4)
    await become(NumberKind.CANARY, NOW + 5)

    (found,) = (await store.past(1, "site1", NOW + 90 * DAY_MS)).canaries
    assert found == PastCanary(POOL[0], NOW + 2 + PUBLISHED_WAIT_MS)
