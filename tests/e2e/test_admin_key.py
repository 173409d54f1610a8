"""An admin port with a key: in a real browser, with the real commands, from a real scrape."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.browser import browser
from tests.e2e.running import TIDEGATE, Up, eventually, running, write_app

KEY = "a-key-of-the-admin-port"
QUICK = "[cerebrium.scaling]\nmin_replicas = 1\n"


def command(up: Up, *words: str, key: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TIDEGATE_ADMIN_KEY": key, "TIDEGATE_ADMIN": up.admin}
    return subprocess.run([TIDEGATE, *words], env=environment, capture_output=True, text=True, check=False)


def test_the_dashboard_asks_a_browser_for_the_key_and_then_works(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY + "\n")
    app = write_app(tmp_path / "app", QUICK)
    words = (app, "--admin-key-file", tmp_path / "key")
    with running(tmp_path, *words) as up, browser(up.admin, tmp_path / "profile") as page:
        page.complaints()  # Chromium complains of the 401 itself
        page.find("#key").send_keys("wrong")
        page.button("Open the dashboard").click()
        page.shows("This is not the admin key.", "[role=alert]")
        page.complaints()
        page.find("#key").send_keys(KEY)
        page.button("Open the dashboard").click()
        page.shows("Live", "#connection")
        eventually(lambda: "ready" in page.text(".replicas"))
        assert page.run("return document.cookie") == ""
        assert page.complaints() == []
        page.driver.delete_all_cookies()
        page.run("location.reload()")
        page.find("#key")
        assert KEY not in up.log()


def test_the_commands_say_that_a_key_is_wanted_and_take_it(tmp_path: Path) -> None:
    with running(tmp_path, write_app(tmp_path / "app", QUICK), "--admin-key", KEY) as up:
        eventually(lambda: json.loads(command(up, "ps", "--json", key=KEY).stdout)[0]["replicas"])
        without, wrong = command(up, "ps"), command(up, "drain", "x", key="wrong")
        assert (without.returncode, wrong.returncode) == (2, 2)
        assert without.stderr == f"tidegate: {up.admin} wants its key: set TIDEGATE_ADMIN_KEY, or give --admin-key\n"
        assert wrong.stderr == "tidegate: this is not the admin key\n"
        replica = json.loads(command(up, "ps", "--json", key=KEY).stdout)[0]["replicas"][0]["id"]
        for words in (["top"], ["explain"], ["logs"], ["scale", "--min", "1"]):
            assert command(up, *words, "--admin-key", KEY).returncode == 0
        assert command(up, "restart", replica, key=KEY).returncode == 0


def test_replicas_do_not_inherit_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = tmp_path / "shown"
    app = write_app(tmp_path / "app", QUICK, entrypoint=f"sh -c 'env > {shown}; sleep 100'")
    monkeypatch.setenv("TIDEGATE_ADMIN_KEY", KEY)
    with running(tmp_path, app, "--admin-host", "0.0.0.0"):
        eventually(lambda: shown.exists() and "PORT=" in shown.read_text())
    assert KEY not in shown.read_text()
