"""Debian's chromium, driven through its chromedriver; without them tests are skipped, unless they are required."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
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
        eventually(lambda: self._visible(selector))
        return self._visible(selector)[0]

    def text(self, selector: str = "main") -> str:
        return "\n".join(element.text for element in self._visible(selector))

    def shows(self, text: str, selector: str = "main") -> None:
        """Wait for the text."""
        eventually(lambda: text in self.text(selector))

    def button(self, name: str) -> WebElement:
        """By its text or its accessible name."""
        eventually(lambda: self._named(name))
        return self._named(name)[0]

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

    def _visible(self, selector: str) -> list[WebElement]:
        return [element for element in self.driver.find_elements(By.CSS_SELECTOR, selector) if element.is_displayed()]

    def _named(self, name: str) -> list[WebElement]:
        return [one for one in self._visible("button") if name in {one.text, one.get_attribute("aria-label")}]


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
