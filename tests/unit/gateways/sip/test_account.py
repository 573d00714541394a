"""A wrong field of an account is named, and its password is not shown."""

from typing import Any

import pytest

from ringtrace.gateways.sip.account import Account


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": 'a"b'}, "username"),
        ({"password": ""}, "password"),
        ({"password": "line\nline"}, "password"),
        ({"networks": ("198.51.100.1/24",)}, "networks"),
        ({"algorithms": ()}, "algorithms"),
    ],
)
def test_wrong_field_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}:"):
        Account(**{"username": "pbx", "password": "p", **change})


def test_password_is_not_shown() -> None:
    assert "s3cret" not in repr(Account(username="pbx", password="s3cret"))
