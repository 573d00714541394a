"""Sounds that flows play, as every store keeps them."""

from dataclasses import replace

import pytest

from ringtrace.services.commands import DropSound, KeepSound
from ringtrace.services.errors import NotFoundError
from ringtrace.services.ports import Store
from ringtrace.services.setup_records import KeptSound
from tests.stores import NOW, Place, setup

WAV = bytes(range(256)) * 512
DIGEST = "0" * 64
WELCOME = KeepSound(1, "welcome", DIGEST, 1.25, WAV, NOW, "admin")


@pytest.fixture(autouse=True)
async def accounts(store: Store) -> None:
    await store.submit(setup())
    await store.submit(setup(2, ()))


async def test_a_sound_is_read_as_it_was_kept(store: Store, place: Place) -> None:
    await store.submit(WELCOME)
    await store.submit(replace(WELCOME, name="Bye", digest="1" * 64, made_by=None, content=b""))
    await store.submit(replace(WELCOME, account_id=2, digest="2" * 64))
    await place.close(store)

    again = await place.open()

    assert await again.sound(1, DIGEST) == WAV
    assert await again.sound(1, "1" * 64) == b""
    assert (await again.configuration()).sounds == (
        KeptSound(1, "Bye", "1" * 64, 1.25, NOW, None),
        KeptSound(1, "welcome", DIGEST, 1.25, NOW, "admin"),
        KeptSound(2, "welcome", "2" * 64, 1.25, NOW, "admin"),
    )


async def test_a_sound_is_the_accounts_own(store: Store) -> None:
    await store.submit(WELCOME)

    assert await store.sound(2, DIGEST) is None
    assert await store.sound(1, "1" * 64) is None
    assert await store.sound(1, "\0") is None
    with pytest.raises(NotFoundError):
        await store.submit(DropSound(2, "welcome"))


async def test_a_sound_of_the_same_name_takes_its_place(store: Store) -> None:
    await store.submit(WELCOME)

    await store.submit(replace(WELCOME, digest="1" * 64, content=b"RIFF", seconds=2.0))

    assert await store.sound(1, DIGEST) is None
    assert await store.sound(1, "1" * 64) == b"RIFF"
    assert [one.seconds for one in (await store.configuration()).sounds] == [2.0]


async def test_what_two_names_stand_for_is_there_until_both_are_dropped(store: Store) -> None:
    await store.submit(WELCOME)
    await store.submit(replace(WELCOME, name="hello"))

    await store.submit(DropSound(1, "welcome"))
    assert await store.sound(1, DIGEST) == WAV
    await store.submit(DropSound(1, "hello"))

    assert await store.sound(1, DIGEST) is None
    with pytest.raises(NotFoundError) as gone:
        await store.submit(DropSound(1, "hello"))
    assert gone.value.field == "name"
