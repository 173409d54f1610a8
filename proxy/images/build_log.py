"""The course of one build: what a person is told while it runs, and what of it explains a failure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from proxy.images.progress import Progress, Report
from proxy.images.recipe import Step
from proxy.images.trace import Failure, Log, Said, Vertex

_LINES = 20
_NUMBERED = re.compile(r"\[(?:[^\]]* )?(\d+/\d+)\] (.*)", re.DOTALL)
_MOUNT = re.compile(r" --mount=\S+")
_CANCELLED = "context canceled"  # what the steps beside the failed one end with


@dataclass(slots=True)
class _Running:
    """A step that has begun; `tail` is its last whole lines, `rest` the line that has not ended yet."""

    title: str
    step: Step | None
    began: float
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_LINES))
    rest: str = ""


@dataclass(frozen=True, slots=True)
class FailedStep:
    """`step` is None for an instruction of a Dockerfile of the user's, which `title` tells then."""

    title: str
    step: Step | None
    lines: tuple[str, ...]


class BuildLog:
    """Turns the engine's account into progress; `steps` are known by their marks. Times come from `now`."""

    def __init__(self, steps: Sequence[Step], report: Report, now: Callable[[], float]) -> None:
        self.failure: str | None = None
        self._steps = steps
        self._report = report
        self._now = now
        self._running: dict[bytes, _Running] = {}
        self._ended: set[bytes] = set()
        self._failed: _Running | None = None
        self._unnamed = _Running("", None, 0)

    def add(self, event: Vertex | Log | Failure | Said) -> None:
        match event:
            case Vertex():
                self._vertex(event)
            case Log():
                self._say(self._running.get(event.vertex, self._unnamed), event.text)
            case Said():
                self._say(self._unnamed, event.text)
            case Failure():
                self.failure = event.text

    @property
    def failed(self) -> FailedStep | None:
        """The step that ended the build, if it was one."""
        one = self._failed
        return FailedStep(one.title, one.step, (*one.tail, *filter(None, [one.rest]))) if one else None

    def last_lines(self) -> tuple[str, ...]:
        """What an engine that tells no steps said last."""
        return tuple(self._unnamed.tail)

    def _vertex(self, vertex: Vertex) -> None:
        if vertex.started and vertex.id not in self._running:
            self._running[vertex.id] = self._begun(vertex.name)
        running = self._running.get(vertex.id)
        if running is None:
            return
        if vertex.error and _CANCELLED not in vertex.error:
            self._failed = running
        elif vertex.completed and vertex.id not in self._ended:
            self._ended.add(vertex.id)
            if running.title:
                how = "cached" if vertex.cached else f"{self._now() - running.began:.1f} s"
                self._report(Progress("ends", f"{running.title} ({how})"))

    def _begun(self, name: str) -> _Running:
        found = _NUMBERED.fullmatch(name)
        if not found:
            return _Running("exporting" if name.startswith("exporting") else "", None, self._now())
        step = next((one for one in self._steps if found[2].endswith(one.mark)), None)
        text = step.title if step else _MOUNT.sub("", found[2])
        running = _Running(f"[{found[1]}] {text}" if text else "", step, self._now())
        if running.title:
            self._report(Progress("begins", running.title))
        return running

    def _say(self, running: _Running, text: str) -> None:
        *lines, running.rest = (running.rest + text).split("\n")
        for line in lines:
            shown = line.rstrip("\r").rpartition("\r")[2]
            running.tail.append(shown)
            if shown:
                self._report(Progress("says", shown))
