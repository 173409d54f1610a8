"""Traces and metrics of a real proxy, as a collector gets them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.telemetry.platform_metrics import NAMES
from tests.e2e.otlp_receiver import Collector, attributes, collector
from tests.e2e.running import eventually, running, write_app
from tests.e2e.test_request_log import lines

ONE = "[cerebrium.scaling]\nmin_replicas = 1\n"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
# A replica that answers with what it was sent.
ECHO = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        body = str(self.headers).encode()
        self.send_response(500 if self.path == "/broken" else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Echo).serve_forever()
"""


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """What a proxy exports that is started from now on."""
    with collector() as made:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        yield made


def echo_app(folder: Path, toml: str = ONE) -> Path:
    (folder / "echo.py").write_text(ECHO)
    return write_app(folder, toml, entrypoint="python echo.py")


def test_a_request_is_a_span_with_its_way(tmp_path: Path, collected: Collector) -> None:
    with running(echo_app(tmp_path, "")) as up:
        answer = up.get("/chat?key=secret")
        eventually(lambda: collected.requests() and collected.starts() and lines(up))
        (span,), (start,) = collected.requests(), collected.starts()
        assert collected.services == {"tidegate"}
        (line,) = lines(up)
    said = attributes(span.attributes)
    assert (span.name, said["http.request.method"], said["url.path"]) == ("GET", "GET", "/chat")
    assert (said["http.response.status_code"], said["server.address"]) == (200, "127.0.0.1")
    assert (said["tidegate.app"], said["tidegate.replica"]) == ("demo", answer.headers["x-tidegate-replica"])
    assert said["tidegate.request_id"] == answer.headers["x-request-id"]
    assert said["tidegate.cold"] is True
    assert said["tidegate.queue_ms"] == pytest.approx(line["queue_ms"], abs=0.1)
    assert [event.name for event in span.events] == ["queued", "slot", "connect", "first byte", "stream end"]
    moments = [event.time_unix_nano for event in span.events]
    assert [span.start_time_unix_nano, *moments] == sorted([span.start_time_unix_nano, *moments])
    assert line["trace_id"] == span.trace_id.hex()
    assert span.links[0].span_id == start.span_id
    phases = [one.name for one in collected.spans if one.parent_span_id == start.span_id]
    assert phases == ["create", "start", "load", "ready"]


def test_a_client_s_trace_goes_on_through_the_proxy(tmp_path: Path, collected: Collector) -> None:
    with running(echo_app(tmp_path)) as up:
        sent = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "vendor=a"}
        for _ in range(2):
            answer = up.get("/", **sent).body.decode()
        eventually(lambda: len(collected.requests()) == 2)
    span = collected.requests()[-1]
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, CALLER)
    assert f"\ntraceparent: 00-{TRACE}-{span.span_id.hex()}-01\n" in answer
    assert answer.count("traceparent") == 1
    assert "\ntracestate: vendor=a\n" in answer


@pytest.mark.parametrize("sent", ["nonsense", f"00-{'0' * 32}-{CALLER}-01", f"ff-{TRACE}-{CALLER}-01"])
def test_a_malformed_parent_begins_a_new_trace(sent: str, tmp_path: Path, collected: Collector) -> None:
    with running(echo_app(tmp_path)) as up:
        up.get("/", traceparent=sent)
        eventually(collected.requests)
    (span,) = collected.requests()
    assert span.trace_id.hex() not in {TRACE, "0" * 32}
    assert span.parent_span_id == b""


def test_what_the_client_does_not_sample_is_passed_on_and_not_exported(tmp_path: Path, collected: Collector) -> None:
    with running(echo_app(tmp_path)) as up:
        answer = up.get("/", traceparent=f"00-{TRACE}-{CALLER}-00").body.decode()
        assert f"\ntraceparent: 00-{TRACE}-" in answer
        assert CALLER not in answer
        up.get("/")
        eventually(collected.requests)
    assert [span.trace_id.hex() == TRACE for span in collected.requests()] == [False]


def test_the_standard_variables_choose_the_sampler(
    tmp_path: Path, collected: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with running(echo_app(tmp_path)) as up:
        assert "-00\n" in up.get("/").body.decode().partition("traceparent: ")[2]
        assert up.end() == 0
    assert collected.spans == []


def test_failures_are_errors_and_refusals_are_spans_too(tmp_path: Path, collected: Collector) -> None:
    with running(echo_app(tmp_path, f"{ONE}[tidegate.limits]\nmax_body_bytes = 1\n")) as up:
        assert up.get("/broken").status == 500
        assert up.end() == 0  # what is left is exported before
    (span,) = collected.requests()
    assert span.status.code == 2
    assert attributes(span.attributes)["error.type"] == "500"


def test_without_telemetry_a_trace_passes_unchanged(tmp_path: Path) -> None:
    with running(echo_app(tmp_path)) as up:
        answer = up.get("/", traceparent=f"00-{TRACE}-{CALLER}-01").body.decode()
    assert f"traceparent: 00-{TRACE}-{CALLER}-01" in answer


def test_metrics_come_under_cerebrium_s_names(
    tmp_path: Path, collected: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "100")
    with running(echo_app(tmp_path), tmp_path, "--otel-metrics") as up:
        up.get("/")
        up.get("/broken")
        eventually(lambda: collected.metrics and runs(collected) == (2, 1, 1))
    assert collected.metrics.keys() == set(NAMES)
    queue = collected.metrics["cerebrium_run_queue_time_ms"]
    (point,) = queue.histogram.data_points
    assert (queue.unit, point.count, point.explicit_bounds[0]) == ("ms", 2, 5.0)
    labels = {"project_id": "local", "app_id": "local-demo", "app_name": "demo", "region": "local"}
    assert attributes(point.attributes) == labels
    assert collected.metrics["cerebrium_containers_ready_count"].gauge.data_points[0].as_int == 1
    for name in ("execution", "response"):
        assert collected.metrics[f"cerebrium_run_{name}_time_ms"].histogram.data_points[0].count == 2
    assert collected.metrics["cerebrium_run_coldstart_time_ms"].histogram.data_points[0].count == 1


def runs(collected: Collector) -> tuple[int, ...]:
    names = ("cerebrium_run_total", "cerebrium_run_successes_total", "cerebrium_run_errors_total")
    return tuple(collected.metrics[name].sum.data_points[0].as_int for name in names)


def test_a_collector_that_is_not_there_harms_no_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    with running(echo_app(tmp_path)) as up:
        assert up.get("/").status == 200
        assert up.get("/").status == 200
        assert up.end() == 0
        assert "Traceback" not in up.log()
        assert all(json.loads(line) for line in up.log().splitlines())
