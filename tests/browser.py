"""A real browser: headless Chromium over the DevTools pipe.

The client is not tied to an event loop, so one browser serves tests that each have their own.
"""

import asyncio
import base64
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

ANSWER_DEADLINE = 20.0
# Chromium says "HeadlessChrome" by itself, which servers rightly take for a robot.
USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36"
)
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-sync",
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedMode,OptimizationHints,MediaRouter",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
    "--mute-audio",
    "--password-store=basic",
    "--remote-debugging-pipe",
    "--use-mock-keychain",
    f"--user-agent={USER_AGENT}",
)


class BrowserError(Exception):
    """The browser refused a command, or a script in the page threw."""


class Browser:
    """A running Chromium. Names below `.test` resolve to 127.0.0.1, at any port."""

    def __init__(self, program: str, profile: Path) -> None:
        commands_read, self._commands = os.pipe()
        self._answers, answers_write = os.pipe()
        # Chromium reads commands from descriptor 3 and answers on 4.
        redirect = f'exec "$@" 3</dev/fd/{commands_read} 4>/dev/fd/{answers_write}'
        arguments = [program, *FLAGS, f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(  # noqa: S603 - a fixed command line
            ["/bin/sh", "-c", redirect, "sh", *arguments],
            pass_fds=(commands_read, answers_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands_read)
        os.close(answers_write)
        self._lock = threading.Lock()
        self._last_id = 0
        self._waiting: dict[int, Future[dict[str, Any]]] = {}
        self._listeners: dict[str, Callable[[str, dict[str, Any]], None]] = {}
        self._reader = threading.Thread(target=self._read, name="devtools", daemon=True)
        self._reader.start()

    async def page(self, sibling: "Page | None" = None) -> "Page":
        """Open a tab: of a new visitor, or beside `sibling` with the same cookies and storage."""
        context = (
            sibling.context
            if sibling
            else (await self.send("Target.createBrowserContext", {"disposeOnDetach": True}))[
                "browserContextId"
            ]
        )
        target = await self.send(
            "Target.createTarget", {"url": "about:blank", "browserContextId": context}
        )
        attached = await self.send(
            "Target.attachToTarget", {"targetId": target["targetId"], "flatten": True}
        )
        page = Page(self, context, target["targetId"], attached["sessionId"])
        self._listeners[page.session] = page.on_event
        for domain in ("Page", "Runtime"):
            await page.send(f"{domain}.enable")
        await page.send("Page.setLifecycleEventsEnabled", {"enabled": True})
        return page

    async def forget(self, page: "Page") -> None:
        """Close the page's visitor: all of his tabs, cookies and storage."""
        await self.send("Target.disposeBrowserContext", {"browserContextId": page.context})

    async def send(
        self, method: str, parameters: dict[str, Any] | None = None, session: str | None = None
    ) -> dict[str, Any]:
        """Run a DevTools command; raises BrowserError if refused, TimeoutError after 20 s."""
        future: Future[dict[str, Any]] = Future()
        message: dict[str, Any] = {"method": method, "params": parameters or {}}
        if session:
            message["sessionId"] = session
        with self._lock:
            self._last_id += 1
            message["id"] = self._last_id
            self._waiting[self._last_id] = future
            os.write(self._commands, json.dumps(message).encode() + b"\0")
        answer = await asyncio.wait_for(asyncio.wrap_future(future), ANSWER_DEADLINE)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def close(self) -> None:
        with suppress(OSError):
            os.write(self._commands, b'{"id":0,"method":"Browser.close"}\0')
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(10)
        os.close(self._commands)
        os.close(self._answers)

    def _read(self) -> None:
        rest = b""
        while chunk := os.read(self._answers, 1 << 16):
            *messages, rest = (rest + chunk).split(b"\0")
            for message in messages:
                self._dispatch(json.loads(message))

    def _dispatch(self, message: dict[str, Any]) -> None:
        if "id" in message:
            if future := self._waiting.pop(message["id"], None):
                with suppress(Exception):  # the caller has given up
                    future.set_result(message)
        elif message["method"] == "Target.detachedFromTarget":
            self._listeners.pop(message["params"]["sessionId"], None)
        elif listener := self._listeners.get(message.get("sessionId", "")):
            listener(message["method"], message["params"])


class Page:
    """A tab. `errors` collects uncaught exceptions and `console.error` calls of its pages."""

    def __init__(self, browser: Browser, context: str, target: str, session: str) -> None:
        self.context = context
        self.session = session
        self.errors: list[str] = []
        self._browser = browser
        self._target = target
        self._loaded: set[str] = set()

    async def send(self, method: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        return await self._browser.send(method, parameters, self.session)

    async def before_load(self, script: str) -> None:
        """Run `script` in every later document before the page's own scripts."""
        await self.send("Page.addScriptToEvaluateOnNewDocument", {"source": script})

    async def goto(self, url: str, referrer: str = "") -> None:
        """Navigate as if a link on `referrer` was followed; returns when loading has ended."""
        parameters = {"url": url}
        if referrer:  # whole, even from https to http, which a browser would cut
            parameters |= {"referrer": referrer, "referrerPolicy": "unsafeUrl"}
        self._loaded.clear()
        answer = await self.send("Page.navigate", parameters)
        if "errorText" in answer:
            raise BrowserError(f"{url}: {answer['errorText']}")
        if "loaderId" not in answer:
            return  # within the document
        await until(lambda: answer["loaderId"] in self._loaded, ANSWER_DEADLINE, f"load {url}")

    async def evaluate(self, script: str) -> Any:
        """The JSON value of a JavaScript expression; a promise is awaited."""
        answer = await self.send(
            "Runtime.evaluate",
            {"expression": script, "awaitPromise": True, "returnByValue": True},
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    async def wait_for(self, condition: str, deadline: float = 10.0) -> Any:
        """Wait until the expression is truthy (navigations on the way are fine), in seconds."""
        end = time.monotonic() + deadline
        while True:
            with suppress(BrowserError):  # the document may just be changing
                if value := await self.evaluate(condition):
                    return value
            if time.monotonic() > end:
                raise TimeoutError(f"not within {deadline} s: {condition}")
            await asyncio.sleep(0.03)

    async def click(self, selector: str) -> None:
        """Press the left mouse button in the middle of the element, as a visitor would."""
        point = await self.evaluate(
            f"(() => {{ const element = document.querySelector({json.dumps(selector)});"
            "element.scrollIntoView({block: 'center', behavior: 'instant'});"
            "const box = element.getBoundingClientRect();"
            "return {x: box.x + box.width / 2, y: box.y + box.height / 2}; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.send(
                "Input.dispatchMouseEvent",
                {"type": kind, "button": "left", "clickCount": 1, **point},
            )

    async def show(self) -> None:
        """Bring the tab to the front; its siblings become hidden."""
        await self.send("Page.bringToFront")

    async def screenshot(
        self, path: Path, width: int = 1280, height: int = 800, *, dark: bool = False
    ) -> None:
        """Write a PNG of the page as seen in a window of that size (CSS pixels)."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        await self.send("Emulation.setEmulatedMedia", {"features": [scheme]})
        await self.send("Emulation.setDeviceMetricsOverride", size)
        answer = await self.send("Page.captureScreenshot", {"format": "png"})
        await self.send("Emulation.clearDeviceMetricsOverride")
        path.write_bytes(base64.b64decode(answer["data"]))

    async def close(self) -> None:
        await self._browser.send("Target.closeTarget", {"targetId": self._target})

    def on_event(self, event: str, details: dict[str, Any]) -> None:
        if event == "Page.lifecycleEvent" and details["name"] == "load":
            self._loaded.add(details["loaderId"])
        elif event == "Runtime.exceptionThrown":
            thrown = details["exceptionDetails"]
            self.errors.append(thrown.get("exception", {}).get("description", thrown["text"]))
        elif event == "Runtime.consoleAPICalled" and details["type"] in {"error", "assert"}:
            self.errors.append(str([item.get("value") for item in details["args"]]))


async def until(condition: Callable[[], object], deadline: float, what: str) -> None:
    """Wait for a condition of this process; raises TimeoutError after `deadline` seconds."""
    end = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {deadline} s: {what}")
        await asyncio.sleep(0.02)
