"""What end-to-end tests drive: one browser for all of them, servers of each."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import uvicorn

from tests.browser import Browser, Page, until
from tests.tagsite import Serve, Site, Tracking


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.fail("no Chromium on the PATH: `make test` installs it")
    running = Browser(program, tmp_path_factory.mktemp("chromium"))
    yield running
    running.close()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Call with an ASGI application; gives the port on 127.0.0.1 it is served at until the end."""
    running: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []

    async def start(app: Any) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            app,
            interface="asgi3",
            lifespan="off",
            log_level="error",
            timeout_graceful_shutdown=1,
            ws="none",
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        running.append((server, task))
        await until(lambda: server.started or task.done(), 10, "the test server starts")
        port: int = listener.getsockname()[1]
        return port

    yield start
    for server, _ in running:
        server.should_exit = True
    await asyncio.gather(*(task for _, task in running))


@pytest.fixture
async def tracking(serve: Serve) -> Tracking:
    server = Tracking()
    server.origin = f"http://calls.ringtrace.test:{await serve(server.app)}"
    return server


@pytest.fixture
async def site(serve: Serve, tracking: Tracking) -> Site:
    website = Site(tracking)
    website.port = await serve(website.app)
    return website


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    visitor = await browser.page()
    yield visitor
    await browser.forget(visitor)
