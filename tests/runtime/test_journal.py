from __future__ import annotations

import asyncio

import pytest

from runtime.journal import Journal


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
