"""A wrong setting is named."""

from pathlib import Path

import pytest

from ringtrace.gateways.sip.settings import NodeSettings, settings_of

GOOD: dict[str, object] = {
    "backend_url": "http://127.0.0.1:8080",
    "token": "secret",
    "spool_dir": "/var/spool/node",
    "trusted_networks": ["192.0.2.0/24"],
}


ACCOUNT = {"username": "a", "password": "b"}


def test_settings_are_read() -> None:
    settings = settings_of({**GOOD, "ready_file": "/run/ready"})
    assert settings.spool_dir == Path("/var/spool/node")
    assert settings.ready_file == Path("/run/ready")
    assert settings.trusted_networks == ("192.0.2.0/24",)
    assert settings.public_ip == "127.0.0.1", "nobody listens to the world unless told to"
    assert settings.backend_timeout == 2.0
    assert settings.health_address == ("127.0.0.1", 9516)
    assert settings_of({**GOOD, "health_listen": "off"}).health_address is None


def test_token_is_not_shown() -> None:
    assert "secret" not in repr(settings_of(GOOD))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"backend_url": "ftp://x"}, "backend_url"),
        ({"token": ""}, "token"),
        ({"token": "two words"}, "token"),
        ({"listen_ip": "0.0.0.0"}, "advertised_ip"),  # noqa: S104 - on trial
        ({"listen_ip": "localhost"}, "listen_ip"),
        ({"advertised_ip": "::1"}, "advertised_ip"),
        ({"trusted_networks": []}, "trusted_networks"),
        ({"trusted_networks": ["192.0.2.1/24"]}, "trusted_networks"),
        ({"edges": ["10.0.0.1/8"]}, "edges"),
        ({"accounts": [{"username": "a"}]}, r"accounts\[0\]\.password"),
        ({"accounts": [ACCOUNT | {"colour": 1}]}, r"accounts\[0\]\.colour"),
        ({"accounts": [ACCOUNT | {"algorithms": ["SHA1"]}]}, r"accounts\[0\]\.algorithms\[0\]"),
        ({"accounts": [ACCOUNT, ACCOUNT]}, "accounts"),
        ({"realm": 'a"b'}, "realm"),
        ({"node": "two words"}, "node"),
        ({"fallback_target": "desk"}, "fallback_target"),
        ({"fallback_target": "+15550199001"}, "trunks"),
        ({"listen_port": 70000}, "listen_port"),
        ({"rtp_port_min": 80}, "rtp_port_min"),
        ({"rtp_port_max": 20100}, "rtp_port_max"),
        ({"ring_seconds": 0}, "ring_seconds"),
        ({"ring_seconds": 301}, "ring_seconds"),
        ({"media_timeout": 0}, "media_timeout"),
        ({"drain_seconds": -1}, "drain_seconds"),
        ({"max_calls": "many"}, "max_calls"),
        ({"spool_dir": 5}, "spool_dir"),
        ({"prompt_file": 5}, "prompt_file"),
        ({"health_listen": "9516"}, "health_listen"),
        ({"health_listen": "127.0.0.1:70000"}, "health_listen"),
        ({"health_listen": "1.2.3:5"}, "health_listen"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_setting_is_named(change: dict[str, object], field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        settings_of({**GOOD, **change})


@pytest.mark.parametrize("name", ["backend_url", "token", "spool_dir"])
def test_missing_setting_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: needed"):
        settings_of({key: value for key, value in GOOD.items() if key != name})


def test_defaults_leave_room_for_all_calls() -> None:
    settings = NodeSettings(
        backend_url="http://127.0.0.1",
        token="t",
        spool_dir=Path("spool"),
        trusted_networks=("192.0.2.0/24",),
        advertised_ip="192.0.2.9",
    )
    assert settings.rtp_port_max - settings.rtp_port_min + 1 >= 4 * settings.max_calls
