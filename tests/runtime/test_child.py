"""The command's signals, and what becomes of them once it has ended."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from runtime.child import Child


class FakeProcess:
    pid = 4711
    returncode: int | None = None


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What process groups have been sent."""
    signals: list[tuple[int, int]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: FakeProcess())
    monkeypatch.setattr(os, "killpg", lambda group, number: signals.append((group, number)))
    return signals


def test_what_it_has_started_goes_with_it_and_its_number_may_then_be_anothers(sent: list[tuple[int, int]]) -> None:
    child = Child(["serve"], {})
    child.signal(signal.SIGHUP)
    child.ended(3)
    assert sent == [(4711, signal.SIGHUP), (4711, signal.SIGKILL)]
    child.signal(signal.SIGHUP)
    child.kill()
    assert len(sent) == 2


@pytest.mark.parametrize(("code", "exit_code"), [(0, 0), (3, 3), (-signal.SIGKILL, 137), (-signal.SIGTERM, 143)])
def test_exit_code_is_the_shells(sent: list[tuple[int, int]], code: int, exit_code: int) -> None:
    child = Child(["serve"], {})
    child.ended(code)
    assert child.exit_code == exit_code
