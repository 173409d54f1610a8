"""The command's signals, and what becomes of them once it has ended."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from runtime import child
from runtime.child import Child, NotStarted, Orphans


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
    command = Child(["serve"], {})
    command.signal(signal.SIGHUP)
    command.ended(3)
    assert sent == [(4711, signal.SIGHUP), (4711, signal.SIGKILL)]
    command.signal(signal.SIGHUP)
    command.kill()
    assert len(sent) == 2


def test_a_script_without_what_runs_it_is_told_from_one_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "Popen", refuse)
    script = tmp_path / "serve.sh"
    with pytest.raises(NotStarted, match=r"serve\.sh is not found: install it") as missing:
        Child([str(script)], {})
    script.write_text("#!/bin/sh\r\n")
    script.chmod(0o755)
    with pytest.raises(NotStarted, match=r"serve\.sh is there, but what is to run it is not: correct its first") as odd:
        Child([str(script)], {})
    assert (missing.value.exit_code, odd.value.exit_code) == (127, 127)


@pytest.mark.parametrize(("code", "exit_code"), [(0, 0), (3, 3), (-signal.SIGKILL, 137), (-signal.SIGTERM, 143)])
def test_exit_code_is_the_shells(sent: list[tuple[int, int]], code: int, exit_code: int) -> None:
    command = Child(["serve"], {})
    command.ended(code)
    assert command.exit_code == exit_code


def test_what_is_left_behind_is_killed_until_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    left = [{7, 8}, {8}, set[int]()]
    monkeypatch.setattr(child, "reap", dict)
    monkeypatch.setattr(child, "_children", lambda: left.pop(0))
    monkeypatch.setattr(os, "kill", lambda pid, _: killed.append(pid))
    assert len(list(Orphans().killed())) == 2
    assert sorted(killed) == [7, 8, 8]


def test_what_hangs_in_the_kernel_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "reap", dict)
    monkeypatch.setattr(child, "_children", lambda: {7})
    monkeypatch.setattr(os, "kill", lambda *_: None)
    assert sum(Orphans().killed()) == pytest.approx(1)
