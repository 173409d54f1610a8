"""What user code prints and logs, told apart by run."""

from __future__ import annotations

import re
import sys
from contextvars import ContextVar
from typing import TextIO

_LONGEST_LINE = 65_536
# Not str.splitlines, for which some characters within a line end it, too.
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")


class Run:
    """The run that the code at hand belongs to, and what it has begun to print on each stream."""

    __slots__ = ("begun", "id")

    def __init__(self, run_id: str) -> None:
        self.id = run_id
        self.begun: dict[int, str] = {}


RUN: ContextVar[Run | None] = ContextVar("run", default=None)


class RunOutput:
    """A text stream whose lines begin with `[run id]`; all but writing is the stream's own.

    A line is written when it is whole, so that those of runs at the same time do not mix. One that is a JSON object
    stays one: it gets a member `run_id`.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        run = RUN.get()
        if run is None:
            return self._stream.write(text)
        lines: list[str] = _LINES.findall(run.begun.get(id(self), "") + text)
        whole = len(lines)
        if lines and lines[-1][-1:] not in "\r\n" and len(lines[-1]) < _LONGEST_LINE:
            whole -= 1
        run.begun[id(self)] = "".join(lines[whole:])
        if whole:
            self._stream.write("".join([_tagged(line, run.id) for line in lines[:whole]]))
            self._stream.flush()
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """A line that has been begun stays until it is whole, or its run is over."""
        self._stream.flush()

    def end(self, run: Run) -> None:
        """The run is over: write what it had begun."""
        begun = run.begun.pop(id(self), "")
        if begun:
            self._stream.write(_tagged(begun, run.id) + "\n")
            self._stream.flush()


def _tagged(line: str, run_id: str) -> str:
    if line.startswith('{"'):
        return f'{{"run_id":"{run_id}",{line[1:]}'
    return f"[{run_id}] {line}"


def tag_output() -> None:
    """From now on stdout and stderr say whose lines they are."""
    sys.stdout, sys.stderr = _of(sys.stdout), _of(sys.stderr)


def _of(stream: TextIO) -> TextIO:
    return RunOutput(stream)  # type: ignore[return-value]  # all that it does not have is the stream's


def end_output(run: Run) -> None:
    for stream in (sys.stdout, sys.stderr):
        if run.begun and isinstance(stream, RunOutput):
            stream.end(run)
