"""Environments that were made for apps, and which of them go again."""

from __future__ import annotations

import fcntl
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from proxy.backends.venv import forget_unused

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
