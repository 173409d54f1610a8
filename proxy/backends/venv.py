"""The virtual environment of an app with `tidegate.process.install = true`."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import logging
import os
import shutil
import site
import sys
import sysconfig
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.backends.child import Child
from proxy.backends.environment import inherited, secrets
from proxy.backends.output import Output
from proxy.config.packages import listed_file, pip_lines
from proxy.errors import StartError

if TYPE_CHECKING:
    from proxy.config import AppConfig

_LOCK_RETRY_SECONDS = 0.2
_REASON_LINES = 5
_MARKER = "complete"  # its time is that of the last use
_KEPT = timedelta(days=30)

log = logging.getLogger("tidegate.process")


# Shared locks on the environments that this process uses, for as long as it lives: no other process removes them.
_USED: dict[Path, int] = {}


async def make_venv(config: AppConfig) -> Path:
    """The folder of an environment with the app's packages, made once per set of requirements.

    Those that nobody has used for a month are removed. Raises StartError, and UserError for a requirements file that is
    not there. A file that only the requirements file names may change unnoticed.
    """
    folder = _cache() / _key(config)
    lock = _opened(folder)
    try:
        while not (folder / _MARKER).exists():
            await _make_once(config, folder, lock)
            await _locked(lock, fcntl.LOCK_SH)
        (folder / _MARKER).touch()
    except BaseException:  # also when cancelled
        os.close(lock)
        raise
    if folder in _USED:
        os.close(lock)
    else:
        _USED[folder] = lock
    await asyncio.to_thread(forget_unused, _cache(), datetime.now(UTC))
    return folder


def forget_unused(cache: Path, now: datetime) -> None:
    """Remove the environments that were used last a month ago, and that no process uses."""
    for folder in (path.with_suffix("") for path in cache.glob("*.lock")):
        if now - _used_at(folder, now) < _KEPT:
            continue
        lock = _opened(folder)
        try:
            if _try_lock(lock, fcntl.LOCK_EX):
                log.info("%s: removed, since nothing has used it for %d days", folder, _KEPT.days)
                (folder / _MARKER).unlink(missing_ok=True)  # first: what is half removed must not look whole
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)


def _used_at(folder: Path, now: datetime) -> datetime:
    """`now` where there is none."""
    for path in (folder / _MARKER, folder):
        with contextlib.suppress(OSError):
            return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return now


async def _make_once(config: AppConfig, folder: Path, lock: int) -> None:
    """Unless somebody else does. Made in place, since an environment cannot be moved; the marker is written last."""
    marker = folder / _MARKER
    while not marker.exists():
        if _try_lock(lock, fcntl.LOCK_EX):
            await _run(config, [sys.executable, "-I", "-m", "venv", "--clear", str(folder)])
            await _run(config, [str(folder / "bin/python"), "-I", "-m", "pip", "install", *_pip_arguments(config)])
            _finish(folder, marker)
            return
        await asyncio.sleep(_LOCK_RETRY_SECONDS)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tidegate" / "venvs"


def _key(config: AppConfig) -> str:
    listed = listed_file(config, "pip")
    parts = [sys.version, sys.prefix, *pip_lines(config.dependencies.pip), _content(listed) if listed else ""]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _content(file: Path) -> str:
    """Whatever its encoding, which is pip's to know."""
    return file.read_text(encoding="utf-8", errors="backslashreplace")


def _pip_arguments(config: AppConfig) -> list[str]:
    listed = listed_file(config, "pip")
    return [
        "--disable-pip-version-check",
        "--no-input",
        *(["-r", str(listed)] if listed else []),
        *pip_lines(config.dependencies.pip),
    ]


async def _run(config: AppConfig, argv: list[str]) -> None:
    child = Child(Output(config.name, "install", secrets(config)))
    await child.spawn(argv, config.folder, inherited())
    try:
        ended = await child.wait()
    finally:
        await child.kill()
    if ended.code != 0:
        lines = "\n".join(child.last_lines()[-_REASON_LINES:])
        raise StartError(f"installing dependencies.pip of app {config.name} failed ({ended.reason}):\n{lines}")


def _finish(folder: Path, marker: Path) -> None:
    """Let the environment also find Tidegate and what it needs, behind the app's own packages: the app's pins win.

    Only after pip ran, which must not count those as installed. addsitedir follows editable installs too.
    """
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    outer = site.getsitepackages() + ([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])
    lines = [f"import site; site.addsitedir({path!r})\n" for path in outer]
    (packages / "zz_tidegate.pth").write_text("".join(lines))
    marker.touch()


def _opened(folder: Path) -> int:
    """The lock of an environment; the kernel gives it back if we are killed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    return os.open(folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)


async def _locked(lock: int, kind: int) -> None:
    while not _try_lock(lock, kind):  # noqa: ASYNC110 - no file lock can be awaited
        await asyncio.sleep(_LOCK_RETRY_SECONDS)


def _try_lock(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
