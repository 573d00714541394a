"""Numbers, sites and tokens from memory."""

import pytest

from ringtrace.domain.account import Account, TokenKind, TokenOwner
from ringtrace.domain.flow import Flow
from ringtrace.domain.number import NumberInvalidError, NumberKind, TrackingNumber
from ringtrace.domain.site import Site
from ringtrace.domain.source import Source
from ringtrace.services.directory import Directory, token_hash
from ringtrace.services.setup_records import Configuration


def number(account_id: int, e164: str, site: str | None = None) -> TrackingNumber:
    return TrackingNumber(
        account_id=account_id,
        number=e164,
        kind=NumberKind.POOL if site else NumberKind.STATIC,
        name=e164,
        flow=Flow.ringing(["+12025550199"]),
        site_key=site,
        source=None if site else Source("Radio"),
        active=True,
    )


class FixedStore:
    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    async def configuration(self) -> Configuration:
        return self._configuration


@pytest.fixture
async def directory() -> Directory:
    store = FixedStore(
        Configuration(
            accounts=(Account(1, "A", "US"), Account(2, "B", "GB")),
            sites=(Site(1, "shop", "Shop", (), ()),),
            numbers=(
                number(1, "+12025550101"),
                number(1, "+12025550111", "shop"),
                number(1, "+12025550112", "shop"),
                number(2, "+442079460123"),
            ),
            tokens=((token_hash("secret"), TokenOwner(1, TokenKind.SIP)),),
        )
    )
    directory = Directory(store)  # type: ignore[arg-type]  # the one method it uses
    await directory.refresh()
    return directory


@pytest.mark.parametrize("dialled", ["+12025550101", "12025550101", "2025550101", "(202) 555-0101"])
def test_a_number_is_found_in_every_spelling_of_its_region(
    directory: Directory, dialled: str
) -> None:
    found = directory.number(1, dialled)

    assert found is not None
    assert found.number == "+12025550101"


def test_national_numbers_are_read_with_the_accounts_own_region(directory: Directory) -> None:
    found = directory.number(2, "020 7946 0123")

    assert found is not None
    assert found.number == "+442079460123"


def test_another_accounts_number_is_unknown(directory: Directory) -> None:
    assert directory.number(2, "+12025550101") is None
    assert directory.number(1, "+442079460123") is None
    assert directory.number(3, "+442079460123") is None


def test_what_is_no_number_says_so(directory: Directory) -> None:
    with pytest.raises(NumberInvalidError):
        directory.number(1, "anonymous")


def test_a_token_opens_only_what_it_is_of(directory: Directory) -> None:
    assert directory.owner("secret", TokenKind.SIP) == TokenOwner(1, TokenKind.SIP)
    assert directory.owner("secret", TokenKind.API) is None
    assert directory.owner("other", TokenKind.SIP) is None


def test_a_pool_is_counted_by_its_site(directory: Directory) -> None:
    assert directory.pool_size("shop") == 2
    assert directory.pool_size("none") == 0
