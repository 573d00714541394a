"""A wrong setting is named."""

from pathlib import Path

import pytest

from ringtrace.gateways.sip.settings import NodeSettings, settings_from_json

GOOD = (
    '{"backend_url": "http://127.0.0.1:8080", "token": "secret", "spool_dir": "/var/spool/node",'
    ' "trusted_networks": ["192.0.2.0/24"], "listen_ip": "127.0.0.1"%s}'
)
_ACCOUNT = '{"username": "a", "password": "b"}'


def test_settings_are_read_from_json() -> None:
    settings = settings_from_json((GOOD % ', "ready_file": "/run/ready"').encode())
    assert settings.spool_dir == Path("/var/spool/node")
    assert settings.ready_file == Path("/run/ready")
    assert settings.trusted_networks == ("192.0.2.0/24",)
    assert settings.public_ip == "127.0.0.1"
    assert settings.backend_timeout == 2.0


def test_token_is_not_shown() -> None:
    assert "secret" not in repr(settings_from_json((GOOD % "").encode()))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ('"backend_url": "ftp://x"', "backend_url"),
        ('"token": ""', "token"),
        ('"token": "two words"', "token"),
        ('"listen_ip": "0.0.0.0"', "advertised_ip"),
        ('"listen_ip": "localhost"', "listen_ip"),
        ('"advertised_ip": "::1"', "advertised_ip"),
        ('"trusted_networks": []', "trusted_networks"),
        ('"trusted_networks": ["192.0.2.1/24"]', "trusted_networks"),
        ('"edges": ["10.0.0.1/8"]', "edges"),
        ('"accounts": [{"username": "a"}]', "password"),
        ('"accounts": [{"username": "a", "password": "b", "colour": 1}]', "colour"),
        ('"accounts": [{"username": "a", "password": "b", "algorithms": ["SHA1"]}]', "SHA1"),
        (f'"accounts": [{_ACCOUNT}, {_ACCOUNT}]', "accounts"),
        ('"realm": "a\\"b"', "realm"),
        ('"node": "two words"', "node"),
        ('"outbound_proxy": "a b"', "outbound_proxy"),
        ('"fallback_target": "desk"', "fallback_target"),
        ('"fallback_target": "+15550199001"', "outbound_proxy"),
        ('"listen_port": 70000', "listen_port"),
        ('"rtp_port_min": 80', "rtp_port_min"),
        ('"rtp_port_max": 20100', "rtp_port_max"),
        ('"ring_seconds": 0', "ring_seconds"),
        ('"ring_seconds": 301', "ring_seconds"),
        ('"media_timeout": 0', "media_timeout"),
        ('"drain_seconds": -1', "drain_seconds"),
        ('"max_calls": "many"', "max_calls"),
        ('"spool_dir": 5', "spool_dir"),
        ('"prompt_file": 5', "prompt_file"),
        ('"colour": "red"', "colour"),
    ],
)
def test_wrong_setting_is_named(change: str, field: str) -> None:
    name = change.split('"')[1]
    document = GOOD % "" if f'"{name}"' not in GOOD else _without(name)
    with pytest.raises(ValueError, match=field):
        settings_from_json((document[:-1] + f", {change}}}").encode())


def test_missing_setting_is_named() -> None:
    with pytest.raises(ValueError, match="token"):
        settings_from_json(_without("token").encode())


def test_text_that_is_no_object_is_refused() -> None:
    with pytest.raises(ValueError, match="settings"):
        settings_from_json(b"[]")


def test_defaults_leave_room_for_all_calls() -> None:
    settings = NodeSettings(
        backend_url="http://127.0.0.1",
        token="t",
        spool_dir=Path("spool"),
        trusted_networks=("192.0.2.0/24",),
        advertised_ip="192.0.2.9",
    )
    assert settings.rtp_port_max - settings.rtp_port_min + 1 >= 4 * settings.max_calls


def _without(name: str) -> str:
    pairs = (GOOD % "").strip("{}").split(", ")
    pairs = [pair for pair in pairs if not pair.startswith(f'"{name}"')]
    return "{" + ", ".join(pairs) + "}"
