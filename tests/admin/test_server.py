"""The admin port: what it answers, field by field."""

from __future__ import annotations

import asyncio
import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import pytest

from proxy.admin.server import AdminServer
from proxy.core.allowance import Allowance, Limits
from proxy.runs.answer import Answer
from proxy.runs.webhook import Webhook
from tests.admin.fakes import one_app

REPLICA = {
    "id", "state", "address", "in_flight", "limit", "started_at", "ready_at", "cold_start_seconds", "cpu_ratio",
    "memory_bytes", "pid", "last_probe", "revision",
}  # fmt: skip


def asked(path: str, ready: bool = True, sent: str | None = None, **headers: str) -> tuple[int, str]:
    """GET, or POST where something is sent."""

    used = Allowance(Limits())
    used.enter(time.monotonic(), 0.0)

    async def scenario() -> tuple[int, str]:
        apps = {"demo": one_app(), "other": one_app("other"), "fixed": one_app("fixed", "static")}
        with TemporaryDirectory() as folder:
            return await answered(AdminServer(apps, Path(folder), lambda: ready))

    async def answered(server: AdminServer) -> tuple[int, str]:
        server.allowances = lambda: {"k1": used, "k2": Allowance(Limits())}
        port = await server.open("127.0.0.1", 0)
        try:
            method, url = "GET" if sent is None else "POST", f"http://127.0.0.1:{port}{path}"
            fields = {name.replace("_", "-"): value for name, value in headers.items()}
            async with aiohttp.request(method, url, data=sent, headers=fields) as response:
                return response.status, await response.text()
        finally:
            await server.close()

    return asyncio.run(scenario())


def shown(path: str) -> Any:  # JSON documents are of any type
    status, text = asked(path)
    assert status == 200
    return json.loads(text)


def test_an_app_is_shown_with_exactly_these_fields() -> None:
    app = shown("/api/apps/demo")
    assert list(app) == ["name", "backend", "balancer", "in_flight", "queue", "replicas", "scaling", "revision"]
    assert app["queue"] == {"length": 0, "oldest_wait_seconds": 0.0, "limit": 10}
    assert app["scaling"] == {
        "min": 0,
        "max": 1,
        "desired": 2,
        "metric": "concurrency_utilization",
        "target": 100,
        "observed": 1.235,
        "reason": "because",
    }
    assert (app["name"], app["backend"], app["balancer"], app["in_flight"]) == ("demo", "process", "round-robin", 1)


def test_a_replica_is_shown_with_exactly_these_fields() -> None:
    ready, starting = shown("/api/apps/demo")["replicas"]
    assert ready.keys() == REPLICA
    assert (ready["state"], ready["address"], ready["in_flight"], ready["limit"]) == ("ready", "127.0.0.1:40000", 1, 4)
    assert (ready["cold_start_seconds"], ready["cpu_ratio"], ready["memory_bytes"]) == (0.5, 0.25, 4096)
    assert ready["started_at"] < ready["ready_at"]
    assert ready["started_at"].endswith("+00:00")
    assert starting.keys() == REPLICA - {"pid"}
    assert (starting["state"], starting["address"], starting["ready_at"]) == ("starting", "", None)


def test_what_keys_were_used_for_is_shown_and_since_when_it_is_known() -> None:
    answer = shown("/api/keys")
    used, unused = answer["keys"]
    assert unused == {"id": "k2", "requests": 0, "in_flight": 0, "last_used_at": None}
    assert used == {"id": "k1", "requests": 1, "in_flight": 1, "last_used_at": used["last_used_at"]}
    assert used["last_used_at"] < answer["since"]


def test_decisions_come_with_what_they_were_made_from_the_newest_last() -> None:
    decisions = shown("/api/apps/demo/decisions")
    assert [decision["desired"] for decision in decisions] == [0, 1, 2]
    last = decisions[-1]
    assert last["terms"] == [{"name": "queue", "count": 2, "why": "because"}]
    assert (last["clamp"], last["reason"], last["observed"], last["max_replicas"]) == ("", "because", 1.235, 1)
    assert (last["inputs"]["queued"], last["inputs"]["mean_demand"], last["inputs"]["cpu_ratio"]) == (2, 2.5, None)


def test_as_many_decisions_as_are_asked_for() -> None:
    assert [decision["desired"] for decision in shown("/api/apps/demo/decisions?limit=2")] == [1, 2]
    for limit in ("0", "x", "-1", "9" * 5000):
        status, text = asked(f"/api/apps/demo/decisions?limit={limit}")
        assert status == 400
        assert json.loads(text)["error"]["message"] == f"limit must be a whole number from 1 on, not {limit}"


def test_a_scale_request_sets_limits_and_shows_them() -> None:
    status, text = asked("/api/apps/demo/scale", sent='{"min_replicas": 2, "max_replicas": 3}')
    assert status == 200
    override = {"min_replicas": 2, "max_replicas": 3}
    assert json.loads(text) == {"min_replicas": 2, "max_replicas": 3, "override": override}
    assert shown("/api/apps/demo/scale")["override"] == {"min_replicas": None, "max_replicas": None}


def test_a_scale_request_that_cannot_be_followed_is_one_sentence() -> None:
    status, text = asked("/api/apps/demo/scale", sent='{"min_replicas": 2}')
    assert status == 400
    message = "min_replicas 2 is above the app's max_replicas 1: give both"
    assert json.loads(text) == {"error": {"type": "bad_request", "message": message}}


def test_a_page_of_another_origin_changes_nothing() -> None:
    status, text = asked("/api/apps/demo/scale", sent='{"max_replicas": 1}', origin="https://evil.example")
    assert status == 403
    assert json.loads(text)["error"]["type"] == "forbidden"
    assert asked("/api/apps", origin="https://evil.example")[0] == 200
    host, origin = "localhost:8001", "http://localhost:8001"
    assert asked("/api/apps/demo/scale", sent='{"max_replicas": 1}', host=host, origin=origin)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8001", "127.0.0.1.evil.example", "[evil"])
def test_without_a_key_a_name_that_anybody_can_let_mean_this_machine_is_told_nothing(host: str) -> None:
    status, text = asked("/api/apps", host=host)
    assert status == 403
    assert "set TIDEGATE_ADMIN_KEY" in json.loads(text)["error"]["message"]
    assert asked("/api/reload", sent="{}", host=host, origin=f"http://{host}")[0] == 403
    assert asked("/metrics", host=host)[0] == 200


@pytest.mark.parametrize("host", ["localhost", "demo.localhost:8001", "127.0.0.1:8001", "10.0.0.7", "[::1]:8001"])
def test_without_a_key_it_is_asked_by_address_or_as_localhost(host: str) -> None:
    assert asked("/api/apps", host=host)[0] == 200


def test_a_webhook_changes_nothing_wherever_a_client_sends_it() -> None:
    agent = Webhook("http://x", "").headers("r", Answer(200, "text/plain", b""), datetime.now(UTC))["User-Agent"]
    status, text = asked("/api/apps/demo/replicas/one/drain", sent="", user_agent=agent)
    assert (status, json.loads(text)["error"]["type"]) == (403, "forbidden")


def test_all_apps_are_listed() -> None:
    assert [app["name"] for app in shown("/api/apps")] == ["demo", "other", "fixed"]


def test_an_unknown_app_is_told_with_those_that_are_known() -> None:
    status, text = asked("/api/apps/nobody")
    assert status == 404
    assert json.loads(text)["error"] == {
        "type": "app_not_found",
        "message": "no app is called nobody; there are: demo, other, fixed",
    }


@pytest.mark.parametrize(
    ("path", "sent", "status", "kind", "message"),
    [
        ("/api/nothing", None, 404, "not_found", "GET /api/nothing: Not Found"),
        ("/api/apps", "{}", 405, "method_not_allowed", "POST /api/apps: Method Not Allowed"),
    ],
)
def test_what_the_api_does_not_take_is_told_as_json(
    path: str, sent: str | None, status: int, kind: str, message: str
) -> None:
    found, text = asked(path, sent=sent)
    error = json.loads(text)["error"]
    assert (found, error["type"]) == (status, kind)
    assert error["message"].startswith(message)


def test_health_is_about_the_process_and_readiness_about_new_requests() -> None:
    assert asked("/healthz", ready=False) == (200, '{"status":"ok"}')
    assert asked("/readyz") == (200, '{"ready":true}')
    assert asked("/readyz", ready=False) == (503, '{"ready":false}')


def test_metrics_of_all_apps_are_there() -> None:
    status, text = asked("/metrics")
    assert status == 200
    assert 'tidegate_replicas{app="other",state="starting"} 1.0' in text


def test_a_replica_is_drained_and_restarted() -> None:
    for action in ("drain", "restart"):
        status, text = asked(f"/api/apps/demo/replicas/demo-0/{action}", sent="")
        assert (status, json.loads(text)["id"]) == (200, "demo-0")


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/api/apps/demo/replicas/x/drain", 404, "demo has no replica x; there are: demo-0, demo-1"),
        ("/api/apps/fixed/replicas/fixed-0/restart", 400, "fixed has the static backend: its replicas are started"),
        ("/api/apps/nobody/replicas/x/drain", 404, "no app is called nobody"),
    ],
)
def test_what_cannot_be_done_to_a_replica_is_one_sentence(path: str, status: int, sentence: str) -> None:
    code, text = asked(path, sent="")
    assert code == status
    assert sentence in json.loads(text)["error"]["message"]


def test_an_app_without_failures_and_samples_says_so() -> None:
    assert shown("/api/apps/demo/failures") == []
    assert shown("/api/apps/demo/history") == {"seconds": 5.0, "at": None, "series": {}}


@pytest.mark.parametrize("query", ["lines=0", "lines=x", "lines=10001", "lines=" + "9" * 5000])
def test_a_wrong_number_of_log_lines_is_told(query: str) -> None:
    status, text = asked(f"/api/apps/demo/logs?{query}")
    assert status == 400
    assert "lines must be a whole number from 1 to 10000" in json.loads(text)["error"]["message"]


def test_logs_of_a_replica_that_never_was_are_not_found() -> None:
    status, text = asked("/api/apps/demo/logs?replica=../demo-0")
    assert (status, json.loads(text)["error"]["type"]) == (404, "replica_not_found")
    assert shown("/api/apps/demo/logs?replica=demo-0") == []  # it lives, and has printed nothing


def test_the_dashboard_asks_for_nothing_from_elsewhere() -> None:
    status, page = asked("/")
    assert status == 200
    for file in ["/", *re.findall(r'(?:src|href)="(/page/[^"]+)"', page)]:
        status, text = asked(file)
        assert status == 200, file
        assert not re.findall(r"https?://(?!www\.w3\.org/)", text), file
    assert asked("/page/..%2Fserver.py")[0] == 404
