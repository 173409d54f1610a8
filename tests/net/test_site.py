from __future__ import annotations

import pytest

from proxy.errors import AppNotFound
from proxy.net.service import Terms
from proxy.net.site import Site
from proxy.wire.request import Request
from tests.net.fakes import Table
from tests.net.house import app_config


def site(**routings: str) -> Site:
    """Apps by name with their [tidegate.routing]."""
    configs = tuple(app_config(name, f"[tidegate.routing]\n{toml}") for name, toml in routings.items())
    return Table(limits=(), configs=configs).site


def route(where: Site, target: bytes, host: bytes = b"x", length: int | None = None) -> tuple[str, bytes] | None:
    request = Request(b"GET", target)
    request.host, request.length = host, length
    found = where.route(request)
    return None if found is None else (found[0].name, found[1])


SITE = site(
    chat='prefix = "/chat"',
    deep='prefix = "/chat/deep"',
    named='hosts = ["a.example", "b.example"]\nprefix = "/api"',
    model='models = ["m"]',
)


@pytest.mark.parametrize(
    ("target", "host", "found"),
    [
        (b"/v4/p-1/chat/run/x?y=/z", b"x", ("chat", b"/run/x?y=/z")),
        (b"/v4/p-1/model", b"a.example", ("model", b"/")),
        (b"/v4/p-1/model?q", b"x", ("model", b"/?q")),
        (b"/anything", b"A.example:8080", ("named", b"/anything")),
        (b"/api/x", b"b.example", ("named", b"/x")),
        (b"/chat/deep/a", b"x", ("deep", b"/a")),
        (b"/chat/deeper", b"x", ("chat", b"/deeper")),
        (b"/chat?q", b"x", ("chat", b"/?q")),
        (b"/chat", b"x", ("chat", b"/")),
    ],
)
def test_the_name_comes_before_the_host_and_that_before_the_longest_prefix(
    target: bytes, host: bytes, found: tuple[str, bytes]
) -> None:
    assert route(SITE, target, host) == found


@pytest.mark.parametrize("target", [b"/", b"/chatter", b"/v4/p-1/unknown/run", b"/v4/p-1"])
def test_no_match_is_404_without_names(target: bytes) -> None:
    with pytest.raises(AppNotFound) as error:
        route(SITE, target)
    assert "chat" not in str(error.value)


def test_a_body_may_still_tell() -> None:
    assert route(SITE, b"/", length=5) is None


def test_one_app_gets_everything_with_its_prefix_stripped_where_it_is_there() -> None:
    alone = site(only='prefix = "/only"')
    assert [route(alone, target) for target in (b"/x", b"/only/x")] == [("only", b"/x"), ("only", b"/x")]


def test_the_prefix_of_all_catches_what_no_longer_one_does() -> None:
    both = site(all='prefix = "/"', chat='prefix = "/chat"')
    assert [route(both, target) for target in (b"/x", b"/chat/x")] == [("all", b"/x"), ("chat", b"/x")]


def test_request_ids_differ() -> None:
    assert len({SITE.next_request_id() for _ in range(100)}) == 100


def test_apps_that_come_and_go_are_routed_in_one_step() -> None:
    table = Table(limits=(), configs=(app_config("a"), app_config("b", "[tidegate.routing]\nhosts = ['b.example']")))
    first, second = (app.service for app in table.apps)
    table.site.serve([first])
    assert route(table.site, b"/v4/p/b/x") == ("a", b"/v4/p/b/x")
    table.site.serve([second, first])
    assert route(table.site, b"/v4/p/b/x") == ("b", b"/x")


def test_other_routing_of_an_app_holds_after_it_was_taken() -> None:
    table = Table(limits=(), configs=(app_config("a"), app_config("b")))
    service = table.apps[1].service
    service.take(Terms.of(app_config("b", "[tidegate.routing]\nprefix = '/b'\n[tidegate.limits]\nmax_body_bytes = 9")))
    table.site.serve([app.service for app in table.apps])
    assert route(table.site, b"/b/x") == ("b", b"/x")
    assert service.max_body_bytes == 9


def test_a_client_that_repeats_its_request_is_routed_anew_after_a_change() -> None:
    table = Table(limits=(), configs=(app_config("a"), app_config("b")))
    client, request = table.client().connection, Request(b"GET", b"/x")
    request.host = b"x"
    first, second = (app.service for app in table.apps)
    table.site.serve([first])
    assert client.route(request) == (first, b"/x")
    table.site.serve([second])
    client.reroute()
    assert client.route(request) == (second, b"/x")
