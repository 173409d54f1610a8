"""The right to an app's containers: held by one proxy at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from pathlib import Path

from proxy.errors import UserError


class Claim:
    """A lock for one cerebrium.toml; the kernel gives it back however its holder ends."""

    def __init__(self, app: str, file: Path) -> None:
        self._app = app
        key = hashlib.sha256(f"{app}\0{file}".encode()).hexdigest()[:16]
        folder = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
        self._path = Path(folder) / f"tidegate-{os.getuid()}-{key}.lock"
        self._descriptor: int | None = None

    def take(self) -> None:
        """Raises UserError if another proxy has it: both would take over, and end, each other's replicas."""
        if self._descriptor is not None:
            return
        try:
            while not self._locked():
                self._close()
        except BlockingIOError:
            self._close()
            raise UserError(
                f"app {self._app} is served by another `tidegate up` with the docker backend already: "
                "stop that one, or give the second a cerebrium.toml of its own"
            ) from None
        except OSError as error:
            message = f"{self._path} cannot be written ({error.strerror}): set TMPDIR to a folder of yours"
            raise UserError(message) from error

    def _locked(self) -> bool:
        """Whether what is locked is still the file of that name: its last holder may just have removed it."""
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        if self._descriptor is not None:
            self._path.unlink(missing_ok=True)
            self._close()

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
