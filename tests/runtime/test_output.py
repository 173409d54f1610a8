from __future__ import annotations

import contextvars
import io

from runtime.output import RUN, Run, RunOutput


class Scene:
    """A stream, and runs that print to it, each in its own context."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.output = RunOutput(self.stream)
        self.runs: dict[str, tuple[Run, contextvars.Context]] = {}

    def say(self, run_id: str, text: str) -> None:
        if run_id not in self.runs:
            run, context = Run(run_id), contextvars.copy_context()
            context.run(RUN.set, run)
            self.runs[run_id] = run, context
        self.runs[run_id][1].run(self.output.write, text)

    @property
    def seen(self) -> str:
        return self.stream.getvalue()


def test_lines_of_a_run_say_which_it_is_and_others_stay_as_they_are() -> None:
    scene = Scene()
    scene.output.write("loading\n")
    scene.say("r1", "one\ntwo\n")
    assert scene.seen == "loading\n[r1] one\n[r1] two\n"


def test_lines_of_runs_at_the_same_time_do_not_mix() -> None:
    scene = Scene()
    for piece in ("a", "b", "\n"):
        scene.say("r1", piece)
        scene.say("r2", piece)
    assert scene.seen == "[r1] ab\n[r2] ab\n"


def test_line_that_is_never_ended_is_written_when_its_run_is_over() -> None:
    scene = Scene()
    scene.say("r1", "half")
    assert scene.seen == ""
    scene.output.end(scene.runs["r1"][0])
    assert scene.seen == "[r1] half\n"


def test_endless_line_is_not_kept() -> None:
    scene = Scene()
    scene.say("r1", "x" * 70_000)
    assert len(scene.seen) > 70_000


def test_json_line_stays_json() -> None:
    scene = Scene()
    scene.say("r1", '{"level":"info"}\n')
    assert scene.seen == '{"run_id":"r1","level":"info"}\n'


def test_what_is_not_writing_is_the_streams_own() -> None:
    assert RunOutput(io.StringIO()).isatty() is False  # type: ignore[operator]  # found by its name at run time


def test_only_a_line_end_ends_a_line() -> None:
    scene = Scene()
    scene.say("r1", '{"text":"a\u2028b\x85c\x0cd"}\n')
    scene.say("r1", "one\r\ntwo\rthree\n")
    assert scene.seen == '{"run_id":"r1","text":"a\u2028b\x85c\x0cd"}\n[r1] one\r\n[r1] two\r[r1] three\n'
