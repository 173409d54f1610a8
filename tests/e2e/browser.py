"""Debian's chromium, driven through its chromedriver; without them tests are skipped, unless they are required."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webelement import WebElement

from tests.e2e.running import eventually

_CHROMIUM, _DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--window-size=1320,1000",
)  # fmt: skip


class Browser:
    """One page in one window."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def find(self, selector: str) -> WebElement:
        """The first visible one; waits for it."""
        return _first(lambda: self._visible(selector))

    def text(self, selector: str = "main") -> str:
        return "\n".join(self._visible(selector, ".map((one) => one.innerText)"))

    def shows(self, text: str, selector: str = "main") -> None:
        """Wait for the text."""
        eventually(lambda: text in self.text(selector))

    def button(self, name: str) -> WebElement:
        """By its text or its accessible name; waits for it."""
        return _first(lambda: self._named(name))

    def run(self, script: str, *arguments: object) -> Any:  # Any: what a script returns
        return self.driver.execute_script(script, *arguments)

    def show_as(self, scheme: str, width: int, height: int) -> None:
        """Light or dark, and how large the screen is, in CSS pixels; below 600 it is a phone."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def complaints(self) -> list[str]:
        """What the browser's console says of errors: scripts, blocked addresses, the content security policy."""
        return [line["message"] for line in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]  # the same

    def _visible(self, selector: str, then: str = "") -> list[Any]:  # Any: elements, or what `then` makes of them
        """In one step of the browser's: what is looked at cannot change meanwhile."""
        shown = "[...document.querySelectorAll(arguments[0])].filter((one) => one.getClientRects().length)"
        return list(self.run(f"return {shown}{then}", selector))

    def _named(self, name: str) -> list[Any]:
        words = "[one.innerText, one.getAttribute('aria-label')]"
        return self._visible("button", f".filter((one) => {words}.includes({json.dumps(name)}))")


def _first(look: Callable[[], Sequence[WebElement]]) -> WebElement:
    found: list[WebElement] = []

    def there() -> bool:
        found.extend(look())
        return bool(found)

    eventually(there)
    return found[0]


@contextmanager
def browser(url: str, profile: Path) -> Iterator[Browser]:
    """Open the page; skips the test where there is no browser."""
    if not (_CHROMIUM.exists() and _DRIVER.exists()):
        sentence = "no chromium here: apt-get install chromium chromium-driver"
        pytest.fail(sentence) if os.environ.get("TIDEGATE_REQUIRE_BROWSER") == "1" else pytest.skip(sentence)
    options = webdriver.ChromeOptions()
    options.binary_location = str(_CHROMIUM)
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(_DRIVER)))
    try:
        driver.get(url)
        yield Browser(driver)
    finally:
        driver.quit()
