"""The virtual environment of an app with `tidegate.process.install = true`."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import site
import sys
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.backends.child import Child
from proxy.backends.output import Output
from proxy.backends.secrets import Secrets
from proxy.config.packages import listed_file, pip_lines
from proxy.errors import StartError

if TYPE_CHECKING:
    from proxy.config import AppConfig

_LOCK_RETRY_SECONDS = 0.2
_REASON_LINES = 5


async def make_venv(config: AppConfig) -> Path:
    """The folder of an environment with the app's packages, made once per set of requirements.

    Raises StartError, and UserError for a requirements file that is not there. A file that only
    the requirements file names may change unnoticed.
    """
    folder = _cache() / _key(config)
    # Made in place under a lock, since an environment cannot be moved; the marker is written last.
    marker = folder / "complete"
    async with _locked(folder.with_suffix(".lock")):
        if not marker.exists():
            await _run(config, [sys.executable, "-I", "-m", "venv", "--clear", str(folder)])
            await _run(config, [str(folder / "bin/python"), "-I", "-m", "pip", "install", *_pip_arguments(config)])
            _finish(folder, marker)
    return folder


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tidegate" / "venvs"


def _key(config: AppConfig) -> str:
    listed = listed_file(config, "pip")
    parts = [sys.version, sys.prefix, *pip_lines(config.dependencies.pip), listed.read_text() if listed else ""]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _pip_arguments(config: AppConfig) -> list[str]:
    listed = listed_file(config, "pip")
    return [
        "--disable-pip-version-check",
        "--no-input",
        *(["-r", str(listed)] if listed else []),
        *pip_lines(config.dependencies.pip),
    ]


async def _run(config: AppConfig, argv: list[str]) -> None:
    child = Child(Output(config.name, "install", Secrets(config.env)))
    await child.spawn(argv, config.folder, dict(os.environ))
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


@asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    """Held against other proxies and other apps of this one; released by the kernel if we are killed."""
    with _opened(path) as file:
        while not _try_lock(file):  # noqa: ASYNC110 - no file lock can be awaited
            await asyncio.sleep(_LOCK_RETRY_SECONDS)
        yield


def _opened(path: Path) -> TextIOWrapper:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w")


def _try_lock(file: TextIOWrapper) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
