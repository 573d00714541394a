"""A settings file is read, what is wrong in it is named, and options take its place."""

from pathlib import Path

import pytest

from ringtrace.gateways.sip.settingsfile import read_settings

FILE = """
backend_url = "https://calls.example.com"
token = "secret"
spool_dir = "spool"
prompt_file = "/srv/prompt.wav"
trusted_networks = ["198.51.100.0/24"]
max_calls = 30

[[trunks]]
host = "sbc.provider.example"
username = "acme"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "node.toml"
    path.write_text(FILE)
    return path


def test_paths_are_beside_the_file_and_options_take_its_place(file: Path) -> None:
    settings = read_settings(file, {"max_calls": 5, "backend_url": "http://127.0.0.1:1"})

    assert settings.spool_dir == file.parent / "spool"
    assert settings.prompt_file == Path("/srv/prompt.wav")
    assert (settings.max_calls, settings.backend_url) == (5, "http://127.0.0.1:1")
    assert [trunk.username for trunk in settings.trunks] == ["acme"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("max_calls = 30", "max_call = 30", "max_call: unknown setting, did you mean max_calls?"),
        ("max_calls = 30", "max_calls = 0", "max_calls: must be positive"),
        ('host = "sbc.provider.example"', 'host = "a b"', "trunks[0].host: must be host"),
        ('token = "secret"', "token = secret", "Invalid value (at line 3, column 9)"),
        ('token = "secret"', "", "token: needed"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(file: Path, old: str, new: str, said: str) -> None:
    file.write_text(FILE.replace(old, new))
    with pytest.raises(ValueError, match=r"node\.toml: ") as raised:
        read_settings(file, {})

    assert str(raised.value).startswith(f"{file}: {said}")


def test_without_a_file_the_options_must_say_it_all() -> None:
    with pytest.raises(ValueError, match=r"^backend_url: needed"):
        read_settings(None, {"token": "t"})
