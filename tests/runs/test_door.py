from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import cast

import pytest

from proxy.errors import NoReplica
from proxy.runs.door import Door
from proxy.wire.request import Request
from tests.net.fakes import Table
from tests.net.key_records import OPENS, give_key

RUN = b"/runs/0123456789abcdef0123456789abcdef"


class FakeTasks:
    """Starts nothing."""

    def create_task(self, coroutine: Coroutine[None, None, None]) -> None:
        coroutine.close()


class Entrance:
    """A door whose server is never started."""

    def __init__(self, toml: str = "") -> None:
        self.table = Table(toml)
        self.service = self.table.app.service
        self.door = Door([self.service], cast(asyncio.TaskGroup, FakeTasks()), self.table.deadlines)
        self.table.site.aside = self.door.aside

    def goes_aside(self, method: bytes, target: bytes, upgrade: bytes = b"") -> bool:
        """Whether it is the runs' and not the app's; what goes aside says which app it is for, and keeps its target."""
        request = Request(method, target)
        request.host, request.upgrade = b"a", upgrade
        route = self.table.site.route(request)
        assert route is not None
        service, passed = route
        assert passed == target or (passed.endswith(b"/0" + target) and passed.startswith(b"/"))
        return service is not self.service


@pytest.mark.parametrize(
    ("method", "target", "aside"),
    [
        (b"POST", b"/f?async=true", True),
        (b"POST", b"/f?webhookEndpoint=http://x", True),
        (b"POST", b"/f?async=false", False),
        (b"POST", b"/f?asynchronous", False),
        (b"GET", RUN, True),
        (b"GET", RUN + b"?x", True),
        (b"POST", RUN, False),
        (b"GET", b"/runs/some-own-id", False),
        (b"GET", b"/other" + RUN, False),
    ],
)
def test_only_what_asks_for_a_run_goes_aside(method: bytes, target: bytes, aside: bool) -> None:
    assert Entrance().goes_aside(method, target) is aside


def test_upgrade_is_the_apps_whatever_it_asks_for() -> None:
    assert not Entrance().goes_aside(b"GET", b"/f?async=true", upgrade=b"websocket")


def test_keys_are_asked_for_before_anything_is_promised() -> None:
    entrance = Entrance("disable_auth = false")
    give_key(entrance.table, concurrency=1, requests_per_second=0.001)
    for fields, status in (("", 401), ("authorization: Bearer no\r\n", 403), (OPENS, None), (OPENS, 429)):
        near = entrance.table.client()
        near.get(RUN.decode(), fields)
        assert near.statuses == ([] if status is None else [status])


def test_the_key_of_a_run_is_asked_again_when_a_request_is_repeated_on_its_connection() -> None:
    entrance = Entrance("disable_auth = false")
    keyring = give_key(entrance.table)
    near = entrance.table.client()
    near.get(RUN.decode(), OPENS)
    keyring.take([])
    near.get(RUN.decode(), OPENS)
    assert near.statuses == []
    entrance.door._pool.refuse(lambda: NoReplica("no"), 0.0)
    assert near.statuses == [503, 403]


def test_a_run_of_an_app_without_keys_asks_for_none() -> None:
    entrance = Entrance()
    near = entrance.table.client()
    near.get(RUN.decode())
    assert near.statuses == []


def test_request_of_an_app_known_by_its_model_goes_aside_too() -> None:
    entrance = Entrance('[tidegate.routing]\nmodels = ["m"]')
    service, _ = entrance.table.site.route_by_model(Request(b"POST", b"/f?async=true"), b'{"model": "m"}')
    assert service is not entrance.service
