"""The file of keys: hashes, never keys. Each change replaces it as a whole."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from proxy.config.state import state_folder
from proxy.errors import ConfigError

FILE_NAME = "keys.json"


class KeyRecord(BaseModel):
    """One key: the SHA-256 of its secret, the apps that it opens (none: all), its limits (None: none)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,64}$")]
    name: str = ""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    apps: tuple[str, ...] = ()
    concurrency: Annotated[int | None, Field(ge=1)] = None
    requests_per_second: Annotated[float | None, Field(gt=0, allow_inf_nan=False)] = None
    burst: Annotated[int | None, Field(ge=1)] = None
    created: AwareDatetime
    expires: AwareDatetime | None = None
    revoked: AwareDatetime | None = None


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    keys: tuple[KeyRecord, ...] = ()


class KeyFile:
    """Reads and changes the file at `path`, which need not exist."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = (path or state_folder() / FILE_NAME).absolute()

    def read(self) -> tuple[KeyRecord, ...]:
        """Raises ConfigError."""
        try:
            document = _Document.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise ConfigError(
                f"{self.path}: the keys cannot be read: {error.strerror}: let it be a file that this user may read"
            ) from None
        except ValidationError as error:
            raise ConfigError(f"{self.path}: {_first_mistake(error)}: mend it, or bring an older one back") from None
        ids = [record.id for record in document.keys]
        for record in document.keys:
            if ids.count(record.id) > 1:
                raise ConfigError(f"{self.path}: two keys have the id {record.id}: take one of them out")
        return document.keys

    @contextmanager
    def changing(self) -> Iterator[list[KeyRecord]]:
        """The keys, to be changed in place; nobody else changes them meanwhile. Raises ConfigError."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.with_name(f"{self.path.name}.lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                records = list(self.read())
                yield records
                self._write(records)
        except OSError as error:
            raise ConfigError(
                f"{self.path}: the keys cannot be written: {error.strerror}: let it be where this user may write"
            ) from None

    def _write(self, records: Sequence[KeyRecord]) -> None:
        """Readers see the old file or the new one, and nobody but their owner sees either."""
        text = _Document(keys=tuple(records)).model_dump_json(indent=2, exclude_none=True)
        path = self.path.resolve()  # a link stays one
        descriptor, written = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mode 0600
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text + "\n")
                file.flush()
                os.fsync(descriptor)
            Path(written).replace(path)
        except BaseException:
            Path(written).unlink(missing_ok=True)
            raise


def _first_mistake(error: ValidationError) -> str:
    """Where, and what; not the value, which nobody needs to see in a log."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    return f"{place.removeprefix('.') or 'the file'} is not as tidegate keys writes it ({first['msg']})"
