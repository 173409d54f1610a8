from __future__ import annotations

import asyncio
import io

import pytest

from runtime.journal import Journal
from runtime.output import RUN, Run, RunOutput


def written(journal: Journal, capsys: pytest.CaptureFixture[str], body: bytes = b"{}") -> str:
    async def scenario() -> None:
        journal.request("r", "POST /f", body)
        journal.response("r", 200, 1.25, body)
        assert capsys.readouterr().err == ""  # one write for all of one turn
        await asyncio.sleep(0)

    asyncio.run(scenario())
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("environment", "lines"),
    [
        ({}, ["[r] POST /f {}", "[r] 200 in 1.2 ms {}"]),
        ({"DISABLE_REQUEST_LOGS": "true"}, ["[r] 200 in 1.2 ms {}"]),
        ({"DISABLE_RESPONSE_LOGS": "True"}, ["[r] POST /f {}"]),
        ({"DISABLE_REQUEST_LOGS": "1"}, ["[r] POST /f {}", "[r] 200 in 1.2 ms {}"]),
    ],
)
def test_requests_and_responses_are_logged_unless_that_is_disabled(
    environment: dict[str, str], lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert written(Journal.read(environment), capsys).splitlines() == lines


def test_long_and_binary_bodies_are_one_short_line(capsys: pytest.CaptureFixture[str]) -> None:
    line = written(Journal(requests=True, responses=False), capsys, b"a\n\x1b[31m\xff" + b"x" * 5000)
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert line.endswith("… (5008 bytes)\n")


def test_binary_body_is_only_counted(capsys: pytest.CaptureFixture[str]) -> None:
    line = written(Journal(requests=True, responses=False), capsys, b"PNG\0" * 10)
    assert line == "[r] POST /f (40 bytes, not text)\n"


def test_lines_do_not_belong_to_the_run_that_happens_to_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", RunOutput(stream))

    async def scenario() -> None:
        RUN.set(Run("other"))
        Journal(requests=True, responses=True).request("r", "POST /f", b"")
        await asyncio.sleep(0)

    asyncio.run(scenario())
    assert stream.getvalue() == "[r] POST /f \n"
