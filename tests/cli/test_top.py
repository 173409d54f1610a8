from __future__ import annotations

from proxy.cli.remote import Document
from proxy.cli.top import app_row

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
