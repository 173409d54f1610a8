"""What a person is told of a build."""

from __future__ import annotations

from itertools import count

from proxy.images.build_log import BuildLog
from proxy.images.progress import Progress
from proxy.images.recipe import Step
from proxy.images.trace import Failure, Log, Said, Vertex

PIP = Step("dependencies.pip", "pip: six", "RUN --mount=type=cache x", '"step-3"]')
NAME = '[2/3] RUN ["/bin/sh", "-c", "pip $RESOLVED", "step-3"]'


class Told(BuildLog):
    """Remembers the progress; each look at the clock is a second later."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        clock = count()
        super().__init__((PIP,), self._remember, lambda: float(next(clock)))

    def _remember(self, progress: Progress) -> None:
        self.lines.append(f"{progress.event} {progress.text}")


def vertex(name: str, state: str = "started", error: str = "", id: bytes = b"a") -> Vertex:
    return Vertex(id, name, state == "cached", True, state != "started", error)


def test_a_step_begins_and_ends_under_its_title() -> None:
    log = Told()
    for state in ("started", "started", "completed", "completed"):
        log.add(vertex(NAME, state))
    assert log.lines == ["begins [2/3] pip: six", "ends [2/3] pip: six (1.0 s)"]


def test_a_step_that_is_there_already_is_told_so() -> None:
    log = Told()
    log.add(vertex("[stage-1 3/3] RUN --mount=type=cache,target=/x make", "cached"))
    assert log.lines == ["begins [3/3] RUN make", "ends [3/3] RUN make (cached)"]


def test_the_engines_own_affairs_are_not_told() -> None:
    log = Told()
    log.add(vertex("[internal] load metadata for docker.io/library/debian", "completed"))
    assert log.lines == []


def test_output_is_told_in_whole_lines_as_a_terminal_would_show_them() -> None:
    log = Told()
    log.add(vertex(NAME))
    for text in ("Collec", "ting six\n10 %\r100 %\n\n", "left"):
        log.add(Log(b"a", text))
    assert log.lines[1:] == ["says Collecting six", "says 100 %"]


def test_the_failed_step_is_known_with_its_last_lines() -> None:
    log = Told()
    log.add(vertex(NAME))
    log.add(vertex("[1/3] RUN slow", id=b"b"))
    log.add(Log(b"a", "".join(f"{number}\n" for number in range(30)) + "the end"))
    log.add(vertex(NAME, "completed", "executor failed: exit code: 2"))
    log.add(vertex("[1/3] RUN slow", "completed", "context canceled", b"b"))
    log.add(Failure("executor failed: exit code: 2"))
    assert log.failed is not None
    assert log.failed.step is PIP
    assert log.failed.lines == (*map(str, range(10, 30)), "the end")
    assert log.failure == "executor failed: exit code: 2"


def test_an_engine_without_buildkit_tells_its_lines() -> None:
    log = Told()
    log.add(Said("STEP 1/3: FROM a\n"))
    assert log.failed is None
    assert log.last_lines() == ("STEP 1/3: FROM a",)
