"""ApplicationStorage keeps what the platform would keep."""

import pytest

from ringtrace.gateways.voximplant.emulator.storage import Storage, StorageError


def test_a_value_is_gone_when_its_time_is_up() -> None:
    storage = Storage()
    storage.put("key", "value", 100, now=1000)
    assert storage.get("key", now=1099) == "value"
    assert storage.get("key", now=1100) is None
    assert storage.keys("*", None, now=1100) == []


def test_a_value_without_a_time_stays_until_removed() -> None:
    storage = Storage()
    storage.put("key", "value", None, now=0)
    assert storage.get("key", now=1e12) == "value"
    assert storage.remove("key") == "value"
    assert storage.remove("key") is None


def test_keys_are_found_by_pattern() -> None:
    storage = Storage()
    for key in ("plan.1", "plan.2", "other"):
        storage.put(key, "", None, now=0)
    assert storage.keys("plan.*", None, now=0) == ["plan.1", "plan.2"]
    assert storage.keys("*", 1, now=0) == ["plan.1"]


@pytest.mark.parametrize(
    ("key", "value", "ttl"),
    [("", "v", 1), ("k" * 201, "v", 1), ("k", "v" * 2001, 1), ("k", "v", 7_776_001), ("k", "v", 0)],
)
def test_what_is_too_long_is_refused(key: str, value: str, ttl: float) -> None:
    with pytest.raises(StorageError):
        Storage().put(key, value, ttl, now=0)
