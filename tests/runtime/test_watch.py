"""Since when a command has been silent."""

from __future__ import annotations

import asyncio
import math
from typing import cast

import pytest

from proxy.control.prober import REFUSED, Prober, Question
from proxy.core.probe import Answer
from proxy.core.replica import Replica
from runtime.child import Child
from runtime.launch import Launch
from runtime.watch import Heartbeat, Silence, Watch

YES = Answer(True, "yes")
NO = Answer(False, "no")
NOTHING = Answer(False, "nothing", silent=True)


def silent_seconds(*answers: Answer) -> float:
    """After questions at 0, 1, 2 … seconds, seen at 10."""
    silence = Silence()
    for asked_at, answer in enumerate(answers):
        silence.note(answer, asked_at)
    return silence.seconds(10)


def test_silence_begins_with_the_first_question_that_nobody_answered() -> None:
    assert silent_seconds(YES, NOTHING, NOTHING, NOTHING) == 9


@pytest.mark.parametrize("answer", [YES, NO])
def test_any_answer_ends_the_silence(answer: Answer) -> None:
    assert silent_seconds(NOTHING, NOTHING, answer) == 0


def said(monkeypatch: pytest.MonkeyPatch, *answers: Answer, elsewhere: bool = True) -> str:
    """Of the last of these answers."""
    given = iter(answers)

    async def ready(*_: object) -> Answer:
        return next(given)

    monkeypatch.setattr(Prober, "ready", ready)
    heartbeat = Heartbeat(Question("", 1), elsewhere)
    return [asyncio.run(heartbeat.ready("127.0.0.1", 41000)).text for _ in answers][-1]


CLOSED = Answer(False, f"the port: {REFUSED}")


def test_a_command_that_may_listen_elsewhere_is_told_of_the_port_and_how_to_name_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = said(monkeypatch, CLOSED)
    assert text.startswith("the port: connection refused on port 41000; ")
    assert "--upstream-port" in text


def test_what_has_listened_there_or_is_ours_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(monkeypatch, Answer(False, "503", spoken=True), CLOSED) == CLOSED.text
    assert said(monkeypatch, CLOSED, elsewhere=False) == CLOSED.text


def test_what_does_not_get_ready_is_told_of_ever_more_seldom(caplog: pytest.LogCaptureFixture) -> None:
    replica = Replica(0, "demo-1", 1, 0.0)
    replica.last_probe = "no"
    watch = Watch(Launch("serve", (), {}, 41000, ""), cast(Child, None), replica, math.inf)
    for seconds in range(0, 200, 10):
        watch.still_starting(seconds)
    assert caplog.messages == [f"serve is not ready after {seconds} s: no" for seconds in (30, 60, 120)]
