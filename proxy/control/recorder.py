"""The trace of one app's requests that `tidegate up --record` writes, for `tidegate simulate` to read."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from proxy.core.journal import Entry, Kind
from proxy.errors import UserError

log = logging.getLogger("tidegate.recorder")


class Recorder:
    """Owns the file `NAME.csv`; a request is written when it has ended, once a second, with those that ended with it.

    Raises UserError if the file cannot be made. Where it cannot be written later there is one warning, and no
    more recording.
    """

    def __init__(self, folder: Path, name: str, began: float) -> None:
        self._path = folder / f"{name}.csv"
        self._began = began
        self._arrivals: dict[float, list[float]] = {}  # start of service → arrivals of those that run
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file: TextIO | None = self._path.open("w", encoding="utf-8")
        except OSError as error:
            raise UserError(
                f"--record: {self._path} cannot be written: {os.strerror(error.errno or 0)}: name another folder"
            ) from None
        self._write("arrival_seconds,service_seconds\n")

    def note(self, entries: Iterable[Entry]) -> None:
        """What happened since the last time, in order."""
        lines = [line for entry in entries if (line := self._line(entry))]
        if lines:
            self._write("".join(lines))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _line(self, entry: Entry) -> str:
        if entry.kind is Kind.STARTED:
            self._arrivals.setdefault(entry.at, []).append(entry.since)
        elif entry.kind is Kind.RETRIED:
            self._taken(entry.since)
        elif entry.kind is Kind.ENDED and (arrival := self._taken(entry.since)) is not None:
            return f"{arrival - self._began:.3f},{entry.seconds:.3f}\n"
        return ""

    def _taken(self, start: float) -> float | None:
        arrivals = self._arrivals.get(start)
        if arrivals is None:
            return None
        arrival = arrivals.pop(0)
        if not arrivals:
            del self._arrivals[start]
        return arrival

    def _write(self, text: str) -> None:
        if self._file is None:
            return
        try:
            self._file.write(text)
            self._file.flush()
        except OSError as error:
            log.warning("%s: %s: requests are not recorded any more", self._path, error.strerror)
            self._file = None
