"""loadtests/openloop/result.py: latency from the moment that a request was due."""

from __future__ import annotations

import math

from openloop.result import Result, Sample, Spread

OK = Sample(due=0.0, lag=0.01, latency=0.3, took=0.1, status=200, error="")


def test_latency_counts_from_the_moment_due_and_the_wait_without_the_service() -> None:
    result = Result([OK], 1.0)
    assert (result.latency and result.latency.p99, result.from_sent and result.from_sent.p99) == (0.3, 0.29)
    assert result.wait is not None
    assert math.isclose(result.wait.p99, 0.2)


def test_a_failed_request_counts_and_has_no_latency() -> None:
    refused, failed = (OK._replace(status=0, error="refused", latency=9), OK._replace(status=503, latency=9))
    result = Result([OK, refused, failed], 1.0)
    assert result.statuses == {"200": 1, "refused": 1, "503": 1}
    assert result.failures == 2
    assert result.latency is not None
    assert result.latency.max == 0.3


def test_a_percentile_is_a_value_that_was_seen() -> None:
    spread = Spread.of(float(number) for number in range(1, 101))
    assert spread is not None
    assert (spread.p50, spread.p95, spread.p99, spread.max) == (51, 96, 100, 100)


def test_what_a_server_does_not_tell_has_no_spread() -> None:
    assert Result([OK._replace(took=math.nan)], 1.0).wait is None


def test_the_text_and_the_document_say_the_same() -> None:
    result = Result([OK, OK._replace(status=500)], 2.0)
    assert "2 requests, 1.0 a second; 200: 1, 500: 1" in result.text()
    document = result.document()
    assert (document["requests"], document["failures"], document["rate"]) == (2, 1, 1.0)
