"""Trunks as they are configured, and the order in which they are tried."""

from typing import Any

import pytest

from ringtrace.gateways.sip.settings import settings_of
from ringtrace.gateways.sip.trunk import NumberFormat, Routes, Trunk


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"host": "a b"}, "host"),
        ({"edge": "a b"}, "edge"),
        ({"username": "a@b"}, "username"),
        ({"password": 'a"b'}, "password"),
        ({"domain": "x;y"}, "domain"),
        ({"register": True}, "username"),
        ({"register_seconds": 5}, "register_seconds"),
        ({"keep_alive_seconds": -1}, "keep_alive_seconds"),
        ({"channels": 0}, "channels"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}"):
        Trunk(**{"host": "sbc.example", **change})


def test_what_is_not_said_follows_from_the_host() -> None:
    plain = Trunk(host="sbc.example")
    assert (plain.next_hop, plain.realm) == (("sbc.example", 5060), "sbc.example")
    assert Trunk(host="sbc.example:5070", domain="pbx.example").realm == "pbx.example"
    assert plain.dialled("+15550199001") == "+15550199001"
    digits = Trunk(host="sbc.example", number_format=NumberFormat.DIGITS)
    assert digits.dialled("+15550199001") == "15550199001"


def test_an_edge_gets_the_messages_and_the_trunk_keeps_its_name() -> None:
    behind = Trunk(host="sbc.example:5070", edge="10.0.0.1:5062")
    assert (behind.next_hop, behind.realm) == (("10.0.0.1", 5062), "sbc.example")


def test_passwords_are_not_shown() -> None:
    assert "secret" not in repr(Trunk(host="a", username="u", password="secret"))


def test_full_trunks_are_left_out_and_those_that_are_down_come_last() -> None:
    routes = Routes(tuple(Trunk(host=host, channels=2) for host in "abc"))
    first, second, third = routes.all
    first.is_up = False
    second.calls = 2
    assert routes.in_order() == [third, first]


def settings(trunks: object) -> dict[str, object]:
    return {
        "backend_url": "http://127.0.0.1:8080",
        "token": "t",
        "spool_dir": "/var/spool/node",
        "trusted_networks": ["192.0.2.0/24"],
        "trunks": trunks,
    }


def test_trunks_are_settings() -> None:
    read = settings_of(settings([{"host": "a", "number_format": "digits"}, {"host": "b"}]))
    assert [trunk.host for trunk in read.trunks] == ["a", "b"]


@pytest.mark.parametrize(
    ("trunk", "message"),
    [
        ({"host": "a", "colour": 1}, r"trunks\[1\]\.colour: unknown setting"),
        ({"host": "a", "chanels": 1}, r"trunks\[1\]\.chanels: .*did you mean channels\?"),
        ({"host": "a b"}, r"trunks\[1\]\.host: must be"),
        ({"host": "a", "channels": "two"}, r"trunks\[1\]\.channels: expected `int"),
        ({"username": "a"}, r"trunks\[1\]\.host: needed"),
        (5, r"trunks\[1\]: expected"),
    ],
)
def test_a_wrong_trunk_is_named_with_its_place(trunk: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        settings_of(settings([{"host": "right"}, trunk]))
