"""Since when a command has been silent."""

from __future__ import annotations

import pytest

from proxy.core.probe import Answer
from runtime.watch import Silence

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
