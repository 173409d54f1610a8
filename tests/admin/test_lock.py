"""The admin port with a key: programs, browsers, and everybody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
import pytest

from proxy.admin.lock import Lock
from proxy.admin.mark import FIELD
from proxy.admin.server import AdminServer
from tests.admin.fakes import one_app

KEY = "a key of the admin port"
Visit = Callable[[aiohttp.ClientSession, str], Coroutine[None, None, None]]


def visit(scenario: Visit, secure: bool = False) -> None:
    """Ask a server with a key; `scenario` gets a session without one, and the address."""

    async def visited() -> None:
        with TemporaryDirectory() as folder:
            server = AdminServer({"demo": one_app()}, Path(folder), lambda: True, Lock(KEY, secure))
            port = await server.open("127.0.0.1", 0)
            try:
                async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
                    await scenario(session, f"http://127.0.0.1:{port}")
            finally:
                await server.close()

    asyncio.run(visited())


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


PATHS = ["/", "/api/apps", "/api/live", "/metrics", "/page/dashboard.js", "/page/none", "/nothing", "/login"]


@pytest.mark.parametrize("path", PATHS)
def test_without_the_key_nothing_is_told(path: str) -> None:
    async def scenario(session: aiohttp.ClientSession, url: str) -> None:
        for headers, status in (({}, 401), (bearer("another"), 403), ({"authorization": f"Basic {KEY}"}, 401)):
            async with session.get(url + path, headers=headers) as answer:
                assert answer.status == status
                assert (answer.headers.get("www-authenticate") == 'Bearer realm="tidegate"') is (status == 401)
                assert "demo" not in await answer.text()
                assert FIELD in answer.headers  # by which commands know whom they ask

    visit(scenario)


@pytest.mark.parametrize("path", ["/", "/api/apps", "/metrics", "/page/dashboard.js"])
def test_the_key_opens_everything(path: str) -> None:
    async def scenario(session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(url + path, headers=bearer(KEY)) as answer:
            assert answer.status == 200

    visit(scenario)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_told_to_everybody(path: str) -> None:
    async def scenario(session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(url + path) as answer:
            assert answer.status == 200

    visit(scenario)


def test_nothing_is_changed_without_the_key() -> None:
    body = '{"min_replicas": 1}'

    async def scenario(session: aiohttp.ClientSession, url: str) -> None:
        for headers, status in (({}, 401), (bearer(KEY), 200)):
            async with session.post(f"{url}/api/apps/demo/scale", data=body, headers=headers) as answer:
                assert answer.status == status

    visit(scenario)


def test_a_browser_gets_a_form_and_for_the_key_a_cookie_that_opens_everything() -> None:
    async def scenario(session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(url) as answer:
            assert "<form" in await answer.text()
        async with session.post(f"{url}/login", data={"key": KEY}, headers={"origin": url}) as answer:
            assert answer.status == 200
            assert "<form" not in await answer.text()
            (made,) = answer.history[0].headers.getall("set-cookie")
        assert "HttpOnly" in made
        assert "SameSite=Strict" in made
        assert KEY not in made
        assert "Secure" not in made
        async with session.get(f"{url}/api/apps") as answer:
            assert json.loads(await answer.text())[0]["name"] == "demo"

    visit(scenario)


def test_over_tls_the_cookie_stays_there() -> None:
    async def scenario(session: aiohttp.ClientSession, url: str) -> None:
        async with session.post(f"{url}/login", data={"key": KEY}, allow_redirects=False) as answer:
            assert "Secure" in answer.headers["set-cookie"]

    visit(scenario, secure=True)


@pytest.mark.parametrize("key", ["", "another", KEY + "x", "\udc80"])
def test_for_a_wrong_key_there_is_no_cookie(key: str) -> None:
    async def scenario(session: aiohttp.ClientSession, url: str) -> None:
        body = b"key=" + key.encode(errors="surrogateescape")
        headers = {"content-type": "application/x-www-form-urlencoded"}
        async with session.post(f"{url}/login", data=body, headers=headers) as answer:
            assert answer.status == 403
            assert "This is not the admin key." in await answer.text()
            assert "set-cookie" not in answer.headers

    visit(scenario)


def test_a_page_of_somebody_elses_cannot_try_keys() -> None:
    async def scenario(session: aiohttp.ClientSession, url: str) -> None:
        headers = {"origin": "http://elsewhere.example"}
        async with session.post(f"{url}/login", data={"key": KEY}, headers=headers) as answer:
            assert answer.status == 403
            assert "set-cookie" not in answer.headers

    visit(scenario)


@pytest.mark.parametrize("change", ["9999999999.{signature}", "{end}.", "", ".", "x.y", "0.{signature}", "\u0661.x"])
def test_a_cookie_that_was_made_up_opens_nothing(change: str) -> None:
    async def scenario(session: aiohttp.ClientSession, url: str) -> None:
        end, _, signature = Lock(KEY, secure=False)._session().partition(".")
        cookie = {"tidegate_session": change.format(end=end, signature=signature)}
        async with session.get(f"{url}/api/apps", cookies=cookie) as answer:
            assert answer.status == 401

    visit(scenario)


def test_a_session_ends_in_time_and_with_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = Lock(KEY, secure=False)
    assert lock._lasts(lock._session())
    assert not Lock("another", secure=False)._lasts(lock._session())
    monkeypatch.setattr("proxy.admin.lock._SESSION_SECONDS", -1)
    assert not lock._lasts(lock._session())
