"""The list of faults, what is judged of them, and the page that tells of both."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import chaos.run
import chaos.scenarios
import pytest
from chaos.client import Wrong
from chaos.run import play, sentences
from chaos.scenario import SCENARIOS, Scenario
from chaos.stall import Stalls

assert chaos.scenarios  # importing it makes the list
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")


def test_every_promise_names_tests_that_exist() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 30
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{test}"


def test_the_page_has_every_fault_with_its_bound() -> None:
    told = re.findall(r"(?m)^\| ([a-z-]+) \| (.+?) \| ([\d.]+) s \|", PAGE)
    assert told == [(one.name, one.about, f"{one.bound_seconds:g}") for one in SCENARIOS.values()]


@pytest.mark.parametrize("error", [Wrong("504 instead of 502"), ConnectionResetError("gone"), EOFError("cut")])
def test_a_scenario_that_goes_wrong_is_a_finding_and_not_the_end_of_the_others(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stage(*_: object) -> None:
        raise ExceptionGroup("tasks", [error])

    monkeypatch.setattr(chaos.run, "stage", stage)
    finding = asyncio.run(play(Scenario("s", "", lambda _: asyncio.sleep(0), 1.0), 1))
    assert finding.faults == [str(error)]


def test_what_went_wrong_is_told_of_all_tasks() -> None:
    errors = ExceptionGroup("a", [RuntimeError("late"), ExceptionGroup("b", [RuntimeError("gone")])])
    assert sentences(errors) == ["late", "gone"]


def test_a_busy_machine_is_told_of_and_a_little_lateness_is_not() -> None:
    stalls = Stalls()
    stalls.longest = 0.9
    assert stalls.told() == []
    stalls.longest = 3.44
    assert stalls.told() == ["the machine was busy: it let the clients themselves wait for up to 3.4 s"]
