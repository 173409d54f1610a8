"""The dashboard in a real browser, with real replicas."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.e2e.browser import Browser, browser
from tests.e2e.running import Up, eventually, running, write_app

BROKEN = """
import sys
print("loading /models/large", flush=True)
sys.exit("FileNotFoundError: /models/large/model.safetensors")
"""
QUICK = "[cerebrium.scaling]\nmin_replicas = 1\nmax_replicas = 3\nreplica_concurrency = 1\n"


def rows(page: Browser) -> list[str]:
    """The states of the replicas, as the table has them."""
    found = page.run("return [...document.querySelectorAll('.replicas tbody tr')].map((row) => row.dataset.state)")
    return list(found)


def ids(up: Up) -> list[str]:
    return [replica["id"] for replica in up.view()["replicas"]]


def press(page: Browser, action: str, replica: str) -> None:
    """Ask for something to be done to a replica, and say yes."""
    page.button(f"{action} {replica}").click()
    assert replica in page.text("dialog")
    page.find("dialog button.danger").click()


def test_the_cause_of_a_model_that_does_not_load_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    write_app(tmp_path, "[cerebrium.scaling]\nmin_replicas = 1\n", entrypoint=f"{sys.executable} broken.py")
    with running(tmp_path) as up, browser(up.admin, tmp_path / "profile") as page:
        page.shows("No replica can serve", ".findings")
        page.shows(
            "exited with code 1. Its last words: FileNotFoundError: /models/large/model.safetensors", ".findings"
        )
        page.shows("loading /models/large", ".failures")
        page.run("document.querySelector('.log').scrollIntoView()")
        page.shows("FileNotFoundError", ".log")  # after it is gone
        assert page.complaints() == []


def test_what_goes_on_is_shown_live(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    ready.write_text("503 loading weights")
    toml = f'readycheck_endpoint = "/ready"\n{QUICK}[tidegate.probes]\ninterval_seconds = 0.1\n'
    with running(write_app(tmp_path, toml, server=f"ready={ready}")) as up, browser(up.admin, tmp_path / "p") as page:
        page.shows("/ready answered 503: loading weights", ".replicas")
        assert rows(page) == ["starting"]
        waiting = up.later("/sleep/0")
        page.shows("1 request waits, the first for", ".findings")
        ready.write_text("200 ok")
        assert waiting.result().status == 200
        eventually(lambda: rows(page) == ["ready"])
        page.shows("1 cold start so far", ".tiles")
        ready.write_text("503 busy")
        page.shows("takes no requests: /ready answered 503: busy", ".findings")
        assert rows(page) == ["unready"]
        eventually(lambda: page.run("return document.querySelector('.chart path').getAttribute('d')"))
        plot = page.find(".plot")
        plot.send_keys("\ue012")  # the left arrow moves the cursor to the sample before
        assert " at " in str(plot.get_attribute("aria-label"))
        assert page.complaints() == []


def test_numbers_are_said_in_whole_minutes_and_in_the_units_of_hardware_memory(tmp_path: Path) -> None:
    script = "return import('/page/words.js').then((words) => arguments[1].map((value) => words[arguments[0]](value)))"
    with running(write_app(tmp_path)) as up, browser(up.admin, tmp_path / "p") as page:
        times = page.run(script, "seconds", [0.9996, 9.96, 99.6, 119.6, 179.4, 599.7])
        assert times == ["1.0 s", "10 s", "1 min 40 s", "2 min 0 s", "2 min 59 s", "10 min"]
        assert page.run(script, "bytes", [3 << 20, 4 << 30]) == ["3 MiB", "4.00 GiB"]
        assert page.run(script, "percent", [0, 0.005, 0.01, 1]) == ["0 %", "0.5 %", "1 %", "100 %"]


def test_replicas_are_scaled_restarted_and_drained_after_a_question(tmp_path: Path) -> None:
    with running(write_app(tmp_path, QUICK)) as up, browser(up.admin, tmp_path / "p") as page:
        eventually(lambda: up.states() == ["ready"])
        page.button("Scale …").click()
        page.run("document.getElementById('least').value = 5")
        page.button("Scale").click()
        page.shows("min_replicas 5 is above max_replicas 3", "dialog")
        page.run("document.getElementById('least').value = 2")
        page.button("Scale").click()
        page.shows("demo has from 2 to 3 replicas now", "#said")
        eventually(lambda: up.states() == ["ready", "ready"] == rows(page))
        before = ids(up)
        press(page, "Restart", before[0])
        eventually(lambda: before[0] not in ids(up) and up.states() == ["ready", "ready"])
        assert before[1] in ids(up)
        eventually(lambda: rows(page) == ["ready", "ready"])
        busy = up.later(f"/until{tmp_path}/enough")
        eventually(lambda: up.view()["in_flight"] == 1)
        press(page, "Drain", next(replica["id"] for replica in up.view()["replicas"] if replica["in_flight"]))
        eventually(lambda: "draining" in rows(page))
        (tmp_path / "enough").touch()
        assert busy.result().status == 200
        assert all("400 (Bad Request)" in line for line in page.complaints())


def test_the_page_is_used_by_keyboard(tmp_path: Path) -> None:
    with running(write_app(tmp_path, QUICK)) as up, browser(up.admin, tmp_path / "p") as page:
        eventually(lambda: rows(page) == ["ready"])
        press_keys = page.driver.switch_to
        button = page.button("Scale …")
        page.run("arguments[0].focus()", button)
        press_keys.active_element.send_keys("\ue007")  # Enter
        page.find("dialog[open]")
        assert page.run("return document.activeElement.id") == "least"
        press_keys.active_element.send_keys("\ue00c")  # Escape
        eventually(lambda: page.run("return !document.querySelector('dialog')"))
        assert page.run("return document.activeElement === arguments[0]", button)
        nameless = "return [...document.querySelectorAll('button, select, input')].filter((one) => "
        assert page.run(f"{nameless}!one.textContent && !one.labels?.length).length") == 0


def test_nothing_is_wider_than_the_screen_in_light_and_dark(tmp_path: Path) -> None:
    with running(write_app(tmp_path, QUICK)) as up, browser(up.admin, tmp_path / "p") as page:
        eventually(lambda: rows(page) == ["ready"])
        for width in (320, 390, 800, 1320):
            for scheme, background in {"light": "rgb(243, 246, 248)", "dark": "rgb(13, 22, 27)"}.items():
                page.show_as(scheme, width, 900)
                assert page.run("return document.documentElement.scrollWidth") <= width
                assert page.run("return getComputedStyle(document.body).backgroundColor") == background


def test_each_app_has_a_page_of_its_own(tmp_path: Path) -> None:
    folders = [write_app(tmp_path / name, name=name) for name in ("one", "two")]
    with running(tmp_path, *folders) as up, browser(f"{up.admin}/#two", tmp_path / "p") as page:
        page.shows("two", "h2.name")
        page.find("a[href='#one']").click()
        page.shows("one", "h2.name")
        assert page.find("a[aria-current]").text.startswith("one")
        page.run("location.hash = 'two'")
        page.shows("two", "h2.name")
        page.run("document.querySelector('.skip').focus()")
        page.driver.switch_to.active_element.send_keys("\ue007")  # Enter
        assert page.run("return document.activeElement.id") == "app"
        assert page.text("h2.name") == "two"  # to its content, not to another
        page.run("location.hash = '%'")  # a name that cannot be read is nobody's
        page.shows("one", "h2.name")
        assert page.complaints() == []


def test_a_history_that_could_not_be_had_is_asked_for_again(tmp_path: Path) -> None:
    folders = [write_app(tmp_path / name, name=name) for name in ("one", "two")]
    with running(tmp_path, *folders) as up, browser(f"{up.admin}/#one", tmp_path / "p") as page:
        page.shows("one", "h2.name")
        page.run("window.real = fetch; window.fetch = async () => { throw new Error('no way') }; location.hash = 'two'")
        page.shows("The last hour cannot be shown: no way", "#said")
        page.run("window.fetch = window.real")
        eventually(lambda: page.run("return document.querySelector('.chart path').getAttribute('d')"))


def test_a_question_is_left_whatever_is_in_its_fields(tmp_path: Path) -> None:
    with running(write_app(tmp_path, QUICK)) as up, browser(up.admin, tmp_path / "p") as page:
        page.button("Scale …").click()
        page.run("document.getElementById('least').value = ''")
        page.button("Cancel").click()
        eventually(lambda: page.run("return !document.querySelector('dialog')"))


def test_a_proxy_that_has_gone_is_told(tmp_path: Path) -> None:
    with running(write_app(tmp_path, QUICK)) as up, browser(up.admin, tmp_path / "p") as page:
        page.shows("Live", "#connection")
        up.end()
        page.shows("No connection to the proxy", "#connection")
