"""From the answers to probes to events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from proxy.config import AppConfig
from proxy.control.vigil import Patience, Vigil
from proxy.core.probe import Answer
from proxy.core.replica import Event, Replica
from tests.control.fakes import NO, QUICK, SILENCE, YES, FakeProber, config, impatient

HEALTH = '[cerebrium.runtime.custom]\nhealthcheck_endpoint = "/health"\n'


class Watched:
    """One replica and its vigil."""

    def __init__(self, parsed: AppConfig, ready: bool = True) -> None:
        self.replica = Replica(0, "demo-1", 1, time.monotonic())
        self.prober = FakeProber(parsed)
        self.vigil = Vigil(Patience.of(parsed, slowest_start_seconds=0.05), self.prober, self.replica)
        if ready:
            self.replica.move(Event.PASSED, time.monotonic())

    async def asked(self, answer: Answer) -> Event:
        self.prober.readiness = answer
        event = await self.vigil.ask()
        self.replica.move(event, time.monotonic())
        return event


def events(answers: list[Answer], ready: bool = True) -> list[str]:
    async def scenario() -> list[str]:
        watched = Watched(config(), ready)
        return [(await watched.asked(answer)).name for answer in answers]

    return asyncio.run(scenario())


def test_a_clear_no_counts_at_once() -> None:
    assert events([NO, YES]) == ["MISSED", "PASSED"]


def test_silence_of_a_ready_replica_counts_after_three_in_a_row() -> None:
    assert events([SILENCE, SILENCE, YES, SILENCE, SILENCE, SILENCE, SILENCE]) == [
        *["PASSED"] * 5,
        *["MISSED"] * 2,
    ]


def test_silence_of_a_starting_replica_is_no_yes() -> None:
    assert events([SILENCE], ready=False) == ["MISSED"]


Step = Callable[[Watched], None]


def verdicts(parsed: AppConfig, count: int, step: Step = lambda watched: None, ready: bool = True) -> list[str]:
    async def scenario() -> list[str]:
        watched = Watched(parsed, ready)
        watched.prober.health = NO
        found = []
        for number in range(count):
            step(watched)
            end = await watched.vigil.verdict(watched.vigil.began + number * 0.0015)  # past QUICK's interval
            found.append("" if end is None else end.reason)
        return found

    return asyncio.run(scenario())


def test_health_that_fails_three_times_in_a_row_is_the_end() -> None:
    assert verdicts(config(HEALTH + QUICK), 3) == ["", "", f"its health check failed 3 times: {NO.text}"]


def test_health_is_asked_once_per_interval_however_often_readiness_is() -> None:
    assert verdicts(config(HEALTH), 5) == [""] * 5


def test_the_question_that_readiness_has_answered_is_not_asked_twice() -> None:
    asked = []
    assert (
        verdicts(config("[cerebrium.runtime.custom]\n" + QUICK), 4, lambda w: asked.append(w.prober.asked)) == [""] * 4
    )
    assert asked == [[]] * 4


def test_being_ready_in_between_starts_the_count_anew() -> None:
    calls = iter(range(6))

    def flap(watched: Watched) -> None:
        watched.replica.move(Event.PASSED if next(calls) == 2 else Event.MISSED, time.monotonic())

    found = verdicts(config("[cerebrium.runtime.custom]\n" + QUICK), 6, flap)
    assert found[:5] == [""] * 5
    assert found[5].startswith("its health check failed")


@pytest.mark.parametrize(("ready", "reason"), [(False, "not ready within 0 s: "), (True, "")])
def test_only_a_replica_that_was_never_ready_is_late(ready: bool, reason: str) -> None:
    assert verdicts(impatient(config("[cerebrium.runtime.custom]")), 1, ready=ready) == [reason]


def test_a_pause_ends_when_live_traffic_was_refused() -> None:
    async def scenario() -> None:
        vigil = Watched(config("[tidegate.probes]\ninterval_seconds = 3600")).vigil
        vigil.hurry()
        async with asyncio.timeout(20):
            await vigil.pause()

    asyncio.run(scenario())


def test_a_question_that_could_not_be_put_says_nothing() -> None:
    unasked = Answer(False, "/ready: [Errno 24] Too many open files", unasked=True)
    assert events([unasked] * 9) == ["PASSED"] * 9
    assert events([unasked], ready=False) == ["MISSED"]
    assert events([NO, unasked, YES]) == ["MISSED", "MISSED", "PASSED"]


def test_a_health_check_that_could_not_be_put_condemns_nobody() -> None:
    async def scenario() -> None:
        watched = Watched(impatient(config(HEALTH)))
        watched.prober.health = Answer(False, "/health: [Errno 24] Too many open files", unasked=True)
        assert [await watched.vigil.verdict(time.monotonic() + turn) for turn in range(9)] == [None] * 9

    asyncio.run(scenario())
