"""What the gate says of itself, and when it has nothing left to do; no socket is opened."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from proxy.core.replica import Event, Replica
from proxy.errors import AnswerError, UserError
from proxy.wire.request import Request
from runtime.gate import Gate
from runtime.options import parse
from runtime.site import Said

Scenario = Callable[[Gate], None]


def at_a_gate(scenario: Scenario) -> None:
    async def run() -> None:
        async with asyncio.TaskGroup() as tasks:
            gate = Gate(parse(["--limit", "2"], {}), "main.py", tasks)
            scenario(gate)
            await gate.close()

    asyncio.run(run())


def started(gate: Gate, *events: Event) -> Replica:
    replica = gate.stand_before("local-1", "127.0.0.1", 41000, time.monotonic())
    for event in events:
        gate.pool.apply(replica, event, time.monotonic())
    return replica


def said(gate: Gate, target: bytes, method: bytes = b"GET") -> tuple[int, dict[str, object]]:
    with pytest.raises(Said) as raised:
        gate.site.route(Request(method, target))
    return raised.value.status, raised.value.document("1")


def test_ready_says_how_much_is_going_on() -> None:
    def scenario(gate: Gate) -> None:
        started(gate, Event.PASSED)
        reservation = gate.pool.reserve(time.monotonic())
        assert reservation is not None
        status, document = said(gate, b"/ready")
        del document["uptime"]
        assert status == 200
        assert document == {"ready": True, "status": "ready", "in_flight": 1, "limit": 2, "queued": 0}
        gate.pool.release(reservation, time.monotonic())

    at_a_gate(scenario)


@pytest.mark.parametrize(("method", "target"), [(b"HEAD", b"/ready"), (b"GET", b"/health?now")])
def test_probes_are_answered_here(method: bytes, target: bytes) -> None:
    def scenario(gate: Gate) -> None:
        started(gate, Event.PASSED)
        assert said(gate, target, method)[0] == 200

    at_a_gate(scenario)


@pytest.mark.parametrize(("method", "target"), [(b"POST", b"/ready"), (b"GET", b"/ready/more"), (b"GET", b"/")])
def test_everything_else_goes_to_the_server(method: bytes, target: bytes) -> None:
    def scenario(gate: Gate) -> None:
        route = gate.site.route(Request(method, target))
        assert route is not None
        assert route[1] == target

    at_a_gate(scenario)


def test_not_ready_says_what_the_last_probe_saw() -> None:
    def scenario(gate: Gate) -> None:
        started(gate).last_probe = "/ready: connection refused"
        status, document = said(gate, b"/ready")
        assert (status, document["status"], document["reason"]) == (503, "starting", "/ready: connection refused")

    at_a_gate(scenario)


def test_between_two_starts_it_says_why_there_is_none() -> None:
    def scenario(gate: Gate) -> None:
        gate.lost(started(gate, Event.PASSED), "main.py killed by SIGSEGV")
        status, document = said(gate, b"/ready")
        assert (status, document["status"], document["reason"]) == (503, "restarting", "main.py killed by SIGSEGV")
        assert said(gate, b"/health")[0] == 200

    at_a_gate(scenario)


def test_it_is_unhealthy_when_starting_keeps_failing() -> None:
    def scenario(gate: Gate) -> None:
        gate.hopeless = lambda: True
        assert said(gate, b"/health")[0] == 503

    at_a_gate(scenario)


def test_live_traffic_that_is_refused_hurries_the_probe() -> None:
    def scenario(gate: Gate) -> None:
        asked: list[str] = []
        gate.refused = lambda: asked.append("again")
        started(gate, Event.PASSED, Event.REFUSED)
        assert asked == ["again"]

    at_a_gate(scenario)


def test_after_a_broken_answer_nothing_is_sent_before_a_probe_has_passed() -> None:
    def scenario(gate: Gate) -> None:
        asked: list[str] = []
        gate.refused = lambda: asked.append("again")
        replica = started(gate, Event.PASSED)
        gate.finished(502, 0.1)
        assert (asked, gate.pool.reserve(time.monotonic())) == (["again"], None)
        gate.pool.apply(replica, Event.PASSED, time.monotonic())
        gate.finished(500, 0.1)
        assert replica.available

    at_a_gate(scenario)


class Waiter:
    """A request in line, which gives its slot back when it is told to."""

    reservation = None

    def __init__(self, gate: Gate) -> None:
        gate.pool.wait(self, time.monotonic())

    def granted(self, reservation: object, now: float) -> None:
        self.reservation = reservation

    def refused(self, error: AnswerError) -> None:
        raise error


def test_it_finishes_when_what_runs_and_what_waits_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.gate._ARRIVING_SECONDS", 0)

    async def run() -> None:
        async with asyncio.TaskGroup() as tasks:
            gate = Gate(parse(["--limit", "1"], {}), "main.py", tasks)
            started(gate, Event.PASSED)
            running = gate.pool.reserve(time.monotonic())
            assert running is not None
            waiting = Waiter(gate)
            finishing = tasks.create_task(gate.finish())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert gate.draining
            gate.pool.release(running, time.monotonic())
            await asyncio.sleep(0)
            assert not finishing.done()
            gate.pool.release(waiting.reservation, time.monotonic())  # type: ignore[arg-type]  # granted by the release
            await finishing
            await gate.close()

    asyncio.run(run())


def test_it_does_not_finish_while_somebody_waits_for_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.gate._ARRIVING_SECONDS", 0)

    async def run() -> None:
        async with asyncio.TaskGroup() as tasks:
            gate = Gate(parse([], {}), "main.py", tasks)
            started(gate)
            waiting = Waiter(gate)
            finishing = tasks.create_task(gate.finish())
            for _ in range(5):
                await asyncio.sleep(0)
            assert not finishing.done()
            gate.pool.leave(waiting, time.monotonic())
            gate.finished(504, 1.0)
            await finishing
            await gate.close()

    asyncio.run(run())


def test_an_address_that_is_no_name_is_one_sentence() -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            gate = Gate(parse(["--host", "a..b"], {}), "main.py", tasks)
            with pytest.raises(UserError, match=r"'a\.\.b' is no host name or address: correct --host"):
                await gate.open()
            await gate.close()

    asyncio.run(scenario())
