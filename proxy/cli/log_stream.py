"""The log's way to stderr: a thread of its own, so that nothing waits for whoever reads it."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from proxy.cli.progress import ProgressLine

if TYPE_CHECKING:
    from proxy.net.passage import Passage
    from proxy.wire.request import Request

# Requests are told in batches, at most so late.
BATCH_SECONDS = 0.1
# Of lines that wait for a reader; what comes on top is dropped and counted.
MOST_WAITING_BYTES = 8 << 20
_PASSAGE_BYTES = 2_048  # with its target and its values
# Written in pieces, between which the event loop gets its turn.
_PIECE = 64
_LAST_WORDS_SECONDS = 2.0


class Form(Protocol):
    """How requests and losses look as lines."""

    def passages(self, passages: Sequence[Passage]) -> bytes: ...

    def lost(self, count: int) -> bytes:
        """So many lines were dropped."""


class LogStream:
    """Lines in order, those of requests up to BATCH_SECONDS late; an Observer of the request path."""

    def __init__(self, write: Callable[[bytes], None], form: Form) -> None:
        self._write = write
        self._form = form
        self._progress = ProgressLine()
        self._lock = threading.Lock()
        self._waiting: list[bytes | Passage] = []
        self._waiting_bytes = 0
        self._lost = 0
        self._asked = threading.Event()
        self._urgent = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Written as soon as possible, after all that came before it."""
        self._add(line, len(line))
        self._urgent.set()

    def over(self, passage: Passage, request: Request) -> None:
        self._add(passage, _PASSAGE_BYTES)

    def show(self, text: str) -> None:
        """Put `text` below the log, in place of what stood there; "" takes it away."""
        if self._progress.want(text):
            self._urgent.set()
            self._asked.set()

    def close(self) -> None:
        """Return when all is written; at once or nearly so if nobody reads."""
        self._ending = True
        self._urgent.set()
        self._asked.set()
        self._thread.join(_LAST_WORDS_SECONDS)

    def _add(self, entry: bytes | Passage, size: int) -> None:
        with self._lock:
            if self._waiting_bytes + size > MOST_WAITING_BYTES:
                self._lost += 1
            else:
                self._waiting.append(entry)
                self._waiting_bytes += size
        if not self._asked.is_set():
            self._asked.set()

    # In the thread

    def _run(self) -> None:
        while True:
            self._asked.wait()
            self._urgent.wait(BATCH_SECONDS)
            ending = self._ending  # asked before the rest is taken: what comes later was not promised
            self._asked.clear()
            self._urgent.clear()
            self._write_waiting()
            if ending:
                return

    def _write_waiting(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
            lost, self._lost = self._lost, 0
            self._waiting_bytes = 0
        for start in range(0, len(waiting), _PIECE):
            self._tell(self._formed(waiting[start : start + _PIECE]))
        self._tell(self._form.lost(lost) if lost else b"")

    def _formed(self, entries: Sequence[bytes | Passage]) -> bytes:
        lines: list[bytes] = []
        passages: list[Passage] = []
        for entry in entries:
            if not isinstance(entry, bytes):
                passages.append(entry)
                continue
            if passages:
                lines.append(self._form.passages(passages))
                passages = []
            lines.append(entry)
        return b"".join([*lines, self._form.passages(passages)])

    def _tell(self, lines: bytes) -> None:
        data = self._progress.below(lines)
        if data:
            self._write(data)


def write_to(descriptor: int) -> Callable[[bytes], None]:
    """Writes all of what it gets, waiting for the reader; nothing more once there is none.

    Not through sys.stderr: a thread that waits in its buffer at the end of the process would make that fail.
    """

    def write(data: bytes) -> None:
        view = memoryview(data)
        with suppress(OSError):
            while view:
                try:
                    view = view[os.write(descriptor, view) :]
                except BlockingIOError:  # somebody who shares it has made it so
                    select.select([], [descriptor], [], 1.0)

    return write
