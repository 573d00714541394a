"""Words that stand for no number, and those of them that are spelled in digits."""

import pytest

from ringtrace.domain.withheld import is_withheld


@pytest.mark.parametrize(
    "caller",
    [
        *("anonymous", "Anonymous", " Restricted ", "UNAVAILABLE", "Private Number", "", "-"),
        *("No Caller ID", "out-of-area", "+266696687", "+7378742833", "+2562533", "+8656696"),
        "+86282452253",
    ],
)
def test_what_networks_write_for_a_withheld_number_names_nobody(caller: str) -> None:
    assert is_withheld(caller)


@pytest.mark.parametrize(
    "caller",
    ["+12025550177", "2562533", "266696687", "Reception", "sip:anonymous@example.com", "100"],
)
def test_who_is_named_is_not_withheld(caller: str) -> None:
    """Without a + the digits may be a number of the country."""
    assert not is_withheld(caller)
