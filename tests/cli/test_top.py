from __future__ import annotations

from rich.console import Console

from proxy.cli.remote import Document
from proxy.cli.top import _screen, app_row

APP: Document = {
    "name": "chat",
    "in_flight": 3,
    "queue": {"length": 2, "oldest_wait_seconds": 1.25, "limit": 10},
    "replicas": [{"state": "ready"}, {"state": "starting"}],
    "scaling": {"desired": 2, "reason": "queue wants 2"},
    "sample": {
        "requests_per_second": 12.34,
        "errors_per_second": 0.0,
        "p50_seconds": 0.0123,
        "p95_seconds": 1.5,
        "p99_seconds": None,
    },
}


def test_an_app_is_one_line_with_who_waits_and_why_it_has_its_replicas() -> None:
    assert app_row(APP) == (
        "chat", "12.3/s", "0.0/s", "0.0123 s", "1.5 s", "-", "3", "2 (1.2 s)", "1/2", "2", "queue wants 2",
    )  # fmt: skip


def test_what_is_not_known_yet_is_a_dash() -> None:
    fresh = {**APP, "sample": None, "queue": {"length": 0}, "scaling": {"desired": None, "reason": ""}}
    assert app_row(fresh) == ("chat", "-", "-", "-", "-", "-", "3", "0", "1/2", "-", "-")


def test_a_reason_with_brackets_is_shown_as_it_is() -> None:
    reason = "revision 2 was rolled back, revision 1 stays: [2/5] RUN [/bin/sh] [red] failed"
    app = {**APP, "replicas": [], "failures": [], "revision": {"number": 1, "state": "rolled back", "reason": reason}}
    console = Console(width=200)
    with console.capture() as capture:
        console.print(_screen({"at": "2026-06-01T09:14:03.000+00:00", "apps": [app]}))
    assert f"chat: {reason}" in capture.get()
