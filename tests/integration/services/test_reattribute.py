"""Past calls are attributed anew, as of their time, with the newest model."""

from dataclasses import replace
from typing import Any

import pytest

from ringtrace.domain.attribution import Basis
from ringtrace.domain.call import GatewayKind
from ringtrace.domain.model import SHIPPED
from ringtrace.services import reattribute as reattribute_service
from ringtrace.services.commands import KeepAttribution, KeepModel
from tests.shop import POOL, RADIO, Shop, bearer, rfc

AD = "https://shop.example/?utm_source=google&utm_medium=cpc&utm_term=implants"
MAIL = "https://shop.example/?utm_source=news&utm_medium=email&utm_campaign=may"
BEGINNING = "2026-11-01T00:00:00Z"


async def called(shop: Shop, call: str, caller: str | None = "+12025550177") -> str:
    """A call after a visit by mail and one by an ad to the same number; the mail's visit."""
    visits: dict[str, list[str]] = {}
    for url in (MAIL, AD) * 3:
        visit = shop.ids()
        shown = (await shop.hit(visit=visit, visitor=visit, url=url)).json()["number"]["e164"]
        shop.clock.now += 20_000
        await shop.hit("leave", visit=visit, visitor=visit)
        visits.setdefault(shown, []).append(visit)
    await shop.report(call, number=POOL, caller=caller, started_at=rfc(shop.clock.now))
    shop.clock.now += 3_600_000
    return visits[POOL][0]


async def learn(shop: Shop, **changes: Any) -> None:
    """A new model, without the arithmetic."""
    use_cases = shop.house.use_cases
    model = replace(SHIPPED, name="newer", **changes)
    await use_cases.store.submit(KeepModel(1, "shop", model, shop.clock.now))
    await use_cases.directory.refresh()


async def reattribute(shop: Shop, since: str = BEGINNING) -> tuple[int, int]:
    answer = await shop.client.post(
        "/api/v1/attributions", json={"since": since}, headers=bearer(shop.tokens["api"])
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["calls"], answer.json()["changed"]


async def test_calls_are_attributed_with_the_newest_model(shop: Shop) -> None:
    await called(shop, "first")
    before = (await shop.call("first")).attribution
    await learn(shop, channels={"Email": 0.5, "Paid Search": 0.001})

    assert await reattribute(shop) == (1, 1)

    after = (await shop.call("first")).attribution
    assert (before.model, after.model) == (SHIPPED.name, "newer")
    assert after.credits[0].source.channel == "Email"
    assert sum(one.probability for one in after.credits) + after.unknown == pytest.approx(1)


async def test_doing_it_again_changes_nothing(shop: Shop) -> None:
    for n in range(4):
        await called(shop, f"call-{n}", caller=None if n == 3 else "+12025550177")
    await learn(shop, noise=1e-5, repeat=0.5)

    assert await reattribute(shop) == (4, 4)
    kept = [await shop.call(f"call-{n}") for n in range(4)]
    assert await reattribute(shop) == (4, 0)

    assert [await shop.call(f"call-{n}") for n in range(4)] == kept


async def test_a_long_history_is_read_in_parts(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reattribute_service, "_PAGE", 2)
    await called(shop, "first")
    for n in range(4):
        await shop.report(f"at-once-{n}", number=POOL, started_at=rfc(shop.clock.now))
    await learn(shop)

    assert await reattribute(shop) == (5, 5)


async def test_what_came_later_is_not_looked_at(shop: Shop) -> None:
    await called(shop, "first")
    await called(shop, "second")

    assert await reattribute(shop) == (2, 0)


async def test_calls_before_the_moment_stay_as_they_are(shop: Shop) -> None:
    await called(shop, "old")
    since = rfc(shop.clock.now)
    shop.clock.now += 60_000
    await called(shop, "new")
    await learn(shop)

    assert await reattribute(shop, since) == (1, 1)

    assert (await shop.call("old")).attribution.model == SHIPPED.name


async def test_corrections_stay_and_speak_for_later_calls(shop: Shop) -> None:
    mail = await called(shop, "first")
    await shop.report("again", number=POOL, started_at=rfc(shop.clock.now))
    before = (await shop.call("again")).attribution
    await shop.house.use_cases.correct_call(1, GatewayKind.SIP, "first", mail, None)

    assert await reattribute(shop) == (2, 1)

    first, again = await shop.call("first"), await shop.call("again")
    assert (first.attribution.basis, first.attribution.credits[0].visit_id) == (
        Basis.CORRECTED,
        mail,
    )
    assert before.credits[0].visit_id != mail
    assert again.attribution.credits[0].visit_id == mail


async def test_what_a_static_number_stood_for_stays(shop: Shop) -> None:
    await shop.report("radio", number=RADIO)
    number = {"number": RADIO, "channel": "TV", "target": "+12025550191"}
    await shop.client.put(
        "/api/v1/setup", json={"number": [number]}, headers=bearer(shop.tokens["api"])
    )

    assert await reattribute(shop) == (1, 0)

    assert (await shop.call("radio")).attribution.credits[0].source.channel == "Radio"


async def test_another_accounts_calls_are_left_alone(shop: Shop) -> None:
    await called(shop, "first")
    await learn(shop)

    answer = await shop.client.post(
        "/api/v1/attributions", json={"since": BEGINNING}, headers=bearer(shop.foreign["api"])
    )

    assert (answer.json()["calls"], answer.json()["changed"]) == (0, 0)
    assert (await shop.call("first")).attribution.model == SHIPPED.name


async def test_an_attribution_of_a_call_that_changed_meanwhile_is_dropped(shop: Shop) -> None:
    await called(shop, "first")
    now = await shop.call("first")
    other = replace(now.attribution, model="stale")

    for number, caller, at in (
        (RADIO, now.caller, now.started_at),
        (POOL, None, now.started_at),
        (POOL, now.caller, now.started_at + 1),
    ):
        kept = await shop.house.use_cases.store.submit(
            KeepAttribution(1, now.gateway, now.call, number, caller, at, other)
        )
        assert not kept
    assert await shop.call("first") == now


async def test_an_attribution_of_a_call_that_was_corrected_meanwhile_is_dropped(
    shop: Shop,
) -> None:
    await called(shop, "first")
    stale = await shop.call("first")
    await shop.house.use_cases.correct_call(1, GatewayKind.SIP, "first", None, "admin")

    kept = await shop.house.use_cases.store.submit(
        KeepAttribution(
            1, stale.gateway, "first", POOL, stale.caller, stale.started_at, stale.attribution
        )
    )

    assert not kept
    assert (await shop.call("first")).attribution.basis is Basis.CORRECTED
