"""The floor is the product's server without the product."""

from pathlib import Path

import pytest

from benchmarks import echo
from ringtrace import http_server
from ringtrace.bootstrap import open_house
from ringtrace.config import Settings

SAME = (
    "loop", "ws", "access_log", "log_level", "server_header", "date_header",
    "proxy_headers", "limit_concurrency", "timeout_keep_alive", "interface", "workers",
)  # fmt: skip


@pytest.mark.parametrize("name", SAME)
async def test_the_floor_is_served_as_the_product_is(tmp_path: Path, name: str) -> None:
    house = await open_house(Settings(tmp_path / "data"))
    try:
        product = http_server._config(house)
    finally:
        await house.close()

    assert getattr(echo.http_config(), name) == getattr(product, name)
