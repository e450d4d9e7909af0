"""A browser without a window for tests of pages, driven by the Chrome DevTools Protocol."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from webkit import WAIT_S, until

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--mute-audio",
    "--remote-debugging-port=0",
)
_MODIFIERS = {"shift": 8}


class Browser:
    """One browser with one page. Skips the test where no browser is installed."""

    def __init__(self) -> None:
        program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
        if program is None:
            pytest.skip("no Chromium or Chrome here: pages are not tried in a browser")
        self._folder = tempfile.TemporaryDirectory(prefix="ghostnote-browser-", ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            [program, *_FLAGS, f"--user-data-dir={self._folder.name}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.errors: list[Any] = []
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._do(self._connect(Path(self._folder.name) / "DevToolsActivePort"))
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    async def _connect(self, told: Path) -> None:
        async with asyncio.timeout(WAIT_S):
            while not told.exists() or len(told.read_text().split()) < 2:
                await asyncio.sleep(0.05)
            self._session = aiohttp.ClientSession()
            async with self._session.get(f"http://127.0.0.1:{told.read_text().split()[0]}/json") as answer:
                pages = [one for one in await answer.json() if one["type"] == "page"]
            self._socket = await self._session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0)
            self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            said = message.json()
            if "id" in said:
                self._answers.pop(said["id"]).set_result(said)
            elif said["method"] == "Runtime.exceptionThrown":
                self.errors.append(said["params"]["exceptionDetails"])
            elif said["method"] == "Log.entryAdded" and said["params"]["entry"]["level"] == "error":
                self.errors.append(said["params"]["entry"])

    def call(self, method: str, **params: Any) -> Any:
        """Call the browser; its result."""
        answer = self._do(self._send(method, params))
        assert "error" not in answer, answer
        return answer["result"]

    async def _send(self, method: str, params: dict[str, Any]) -> Any:
        self._number += 1
        answer = self._answers[self._number] = self._loop.create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        async with asyncio.timeout(WAIT_S):
            return await answer

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_S + 10)

    def open(self, url: str, width: int = 1200, height: int = 800, *, touch: bool = False) -> None:
        """Open a page in a window of a size, and wait until its sounds are there."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=touch,
        )
        self.call("Emulation.setTouchEmulationEnabled", enabled=touch)
        self.call("Page.navigate", url=url)
        self.wait("typeof page !== 'undefined' && page.sounds && page.dots.image && !page.whole")

    def run(self, text: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call(
            "Runtime.evaluate", expression=text, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, condition: str) -> Any:
        """The first true value of an expression."""
        return until(lambda: self.run(f"(() => {{ try {{ return {condition} }} catch {{}} }})()"), condition)

    def click(self, x: float, y: float) -> None:
        """Click at a place in the window."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def tap(self, x: float, y: float) -> None:
        """Touch a place in the window with a finger."""
        self.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def key(self, key: str, modifier: str = "") -> None:
        """Press and release a key."""
        text = {"text": key} if len(key) == 1 else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, modifiers=_MODIFIERS.get(modifier, 0),
                      **(text if kind == "keyDown" else {}))  # fmt: skip

    def picture(self) -> bytes:
        """What is seen, as PNG in base64."""
        return self.call("Page.captureScreenshot", format="png")["data"].encode()

    def close(self) -> None:
        async def end() -> None:
            self._reading.cancel()
            await self._socket.close()
            await self._session.close()

        if hasattr(self, "_socket"):
            self._do(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)
        self._loop.close()
        self._process.terminate()
        self._process.wait(WAIT_S)
        self._folder.cleanup()
