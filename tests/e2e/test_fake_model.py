"""loadtests/fake_model.py as a process: how it ends, what it does when a client leaves; and requests sent when due."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from bench.failure import BenchError
from bench.process import answers, free_port
from open_loop import Sending, replay
from openloop.arrivals import UNSAID

from proxy.simulation.trace import Call
from tests.e2e.running import eventually

FAKE_MODEL = Path(__file__).parents[2] / "loadtests" / "fake_model.py"


class Model:
    """A running fake model."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, stack: ExitStack) -> None:
        self.process, self.port = process, port
        self._stack = stack

    def begin(self, path: str) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        self._stack.enter_context(closing(connection))
        connection.request("POST", path, b"{}")
        return connection

    def stats(self) -> Any:  # a JSON document
        return json.loads(self.begin("/stats").getresponse().read())

    def begun(self, path: str) -> http.client.HTTPConnection:
        """One more is in flight."""
        before = self.stats()["in_flight"]
        connection = self.begin(path)
        eventually(lambda: self.stats()["in_flight"] > before)
        return connection


@contextmanager
def model(*options: str) -> Iterator[Model]:
    port = free_port()
    command = [sys.executable, "-I", str(FAKE_MODEL), "--port", str(port), *options]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process, ExitStack() as stack:
        try:
            eventually(lambda: answers(port, "/health"))
            yield Model(process, port, stack)
        finally:
            process.kill()


def test_a_model_that_drains_finishes_what_runs_and_exits() -> None:
    with model() as running:
        connection = running.begun("/predict?seconds=2")
        running.process.send_signal(signal.SIGTERM)
        assert connection.getresponse().status == 200
        assert running.process.wait(10) == 0


def test_a_model_that_aborts_cuts_what_runs_and_dies_of_the_signal() -> None:
    with model("--sigterm", "abort") as running:
        connection = running.begun("/predict?seconds=30")
        running.process.send_signal(signal.SIGTERM)
        with pytest.raises((OSError, http.client.HTTPException)):
            connection.getresponse()
        assert running.process.wait(10) == -signal.SIGTERM


def test_a_client_that_leaves_cancels_its_work() -> None:
    with model() as running:
        running.begun("/predict?seconds=30").close()
        eventually(lambda: running.stats()["cancelled"] == 1)
        assert running.stats()["in_flight"] == 0


def test_work_that_cannot_be_cancelled_goes_on_without_its_client() -> None:
    with model("--no-cancel") as running:
        running.begun("/predict?seconds=2").close()
        assert running.stats()["in_flight"] == 1
        eventually(lambda: running.stats()["served"] == 1)
        assert running.stats()["cancelled"] == 0


def test_the_first_requests_fail_as_they_are_told() -> None:
    with model("--fail-first", "1", "--fail-with", "close") as running:
        with pytest.raises((OSError, http.client.HTTPException)):
            running.begin("/predict").getresponse()
        assert running.begin("/predict").getresponse().status == 200
        assert (running.stats()["failed"], running.stats()["served"]) == (1, 1)


def test_a_limit_that_is_broken_is_seen_at_the_model() -> None:
    with model("--limit", "1") as running:
        first = running.begun("/predict?seconds=3")
        second = running.begun("/predict?seconds=3")
        assert {first.getresponse().status, second.getresponse().status} == {200}
        stats = running.stats()
        assert (stats["peak"], stats["overlaps"], stats["limit"]) == (2, 1, 1)


def _stand_still(running: Model) -> None:
    """For a moment, in the middle of the requests."""
    eventually(lambda: running.stats()["served"] >= 10)
    running.process.send_signal(signal.SIGSTOP)
    time.sleep(0.6)
    running.process.send_signal(signal.SIGCONT)


def test_requests_are_sent_when_due_though_the_server_stands_still() -> None:
    calls = [Call(number / 50, UNSAID) for number in range(100)]
    with model() as running, ThreadPoolExecutor(1) as threads:
        stood = threads.submit(_stand_still, running)
        result = replay(f"http://127.0.0.1:{running.port}/predict", calls, Sending(most_lag_seconds=5))
        stood.result()
    assert result.statuses == {"200": 100}
    slow = sum(sample.latency > 0.2 for sample in result.samples)
    assert slow > 10  # a client that waits for each answer would have seen one


def test_a_generator_that_was_late_has_no_result() -> None:
    with model() as running, pytest.raises(BenchError, match="the generator itself was late"):
        replay(f"http://127.0.0.1:{running.port}/", [Call(0.01, UNSAID)], Sending(most_lag_seconds=1e-9))


def test_several_processes_share_the_requests() -> None:
    with model() as running:
        url = f"http://127.0.0.1:{running.port}/predict"
        result = replay(url, [Call(0.001 * number, 0.001) for number in range(100)], Sending(2, 0, 5))
    assert result.statuses == {"200": 100}
    assert result.wait is not None
