"""Environments that were made for apps, and which of them go again."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from proxy.backends import venv
from proxy.backends.base import Exit
from proxy.backends.output import Output
from proxy.backends.venv import forget_unused
from tests.backends.apps import app

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def environment(cache: Path, name: str, unused_days: int, complete: bool = True) -> Path:
    folder = cache / name
    (folder / "bin").mkdir(parents=True)
    (cache / f"{name}.lock").touch()
    used_at = (NOW - timedelta(days=unused_days)).timestamp()
    if complete:
        (folder / "complete").touch()
        os.utime(folder / "complete", (used_at, used_at))
    os.utime(folder, (used_at, used_at))
    return folder


@pytest.mark.parametrize(("days", "complete", "stays"), [(29, True, True), (31, True, False), (31, False, False)])
def test_an_environment_goes_when_nobody_has_used_it_for_a_month(
    tmp_path: Path, days: int, complete: bool, stays: bool
) -> None:
    folder = environment(tmp_path, "a", days, complete)
    forget_unused(tmp_path, NOW)
    assert folder.exists() is stays


def test_an_environment_that_a_process_uses_stays_however_old_it_is(tmp_path: Path) -> None:
    folder = environment(tmp_path, "a", 400)
    lock = os.open(tmp_path / "a.lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_SH)
    forget_unused(tmp_path, NOW)
    os.close(lock)
    assert folder.exists()
    forget_unused(tmp_path, NOW)
    assert not folder.exists()


def test_one_that_is_gone_already_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a.lock").touch()
    forget_unused(tmp_path, NOW)


class FakeChild:
    """Ends well at once; all of them remember what the last was given."""

    given: dict[str, str]

    def __init__(self, _: Output) -> None:
        pass

    async def spawn(self, _argv: Sequence[str], _cwd: Path, env: dict[str, str]) -> None:
        FakeChild.given = env

    async def wait(self) -> Exit:
        return Exit(0, "exited with code 0")

    async def kill(self) -> None:
        pass


def test_what_packages_run_when_they_are_installed_gets_no_secret_of_the_proxys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(venv, "Child", FakeChild)
    monkeypatch.setenv("TIDEGATE_ADMIN_KEY", "x")
    monkeypatch.setenv("PIP_TIMEOUT", "60")
    asyncio.run(venv._run(app(tmp_path), ["pip"]))
    assert {"TIDEGATE_ADMIN_KEY", "PIP_TIMEOUT"} & FakeChild.given.keys() == {"PIP_TIMEOUT"}


def test_the_encoding_of_the_requirements_is_pips_to_know(tmp_path: Path) -> None:
    config = app(tmp_path, '[cerebrium.dependencies.paths]\npip = "needs.txt"')
    keys = set()
    for content in ("# für", "# fur"):
        (tmp_path / "needs.txt").write_bytes(content.encode("latin-1"))
        keys.add(venv._key(config))
    assert len(keys) == 2
