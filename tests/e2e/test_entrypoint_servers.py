"""Real servers behind the gate: uvicorn with FastAPI; and restarts under streams."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path

import pytest

from tests.e2e.entrypoint import Entrypoint, Start, entrypoints
from tests.e2e.running import eventually

ROLLING_RESTARTS = Path(__file__).parents[2] / "loadtests/rolling_restarts.py"

APP = """
import asyncio, os
from collections.abc import AsyncIterator

from fastapi import FastAPI, Header
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

app = FastAPI()
inside = most = 0

class Prompt(BaseModel):
    text: str

@app.post("/predict")
async def predict(prompt: Prompt, authorization: str = Header("")) -> dict[str, object]:
    global inside, most
    inside += 1
    most = max(most, inside)
    await asyncio.sleep(0.05)
    inside -= 1
    return {"text": prompt.text.upper(), "most": most, "authorization": authorization}

@app.post("/stream")
async def stream() -> StreamingResponse:
    async def tokens() -> AsyncIterator[str]:
        for number in range(20):
            yield f"data: {number}\\n\\n"
            while number == 10 and not os.path.exists("enough"):
                await asyncio.sleep(0.01)
    return StreamingResponse(tokens(), media_type="text/event-stream")
"""

# uvicorn raises the signal again once it has shut down.
ENDED = 128 + signal.SIGTERM


@pytest.fixture
def fastapi(tmp_path: Path) -> Iterator[Start]:
    (tmp_path / "app.py").write_text(APP)
    with entrypoints(tmp_path) as start:
        yield lambda *options: start(*options, "--", sys.executable, "-m", "uvicorn", "app:app", "--app-dir", ".")


def test_uvicorn_needs_no_other_flag(fastapi: Start) -> None:
    entrypoint = fastapi().ready()
    assert entrypoint.ask("/predict", '{"text": "tide"}')[1]["text"] == "TIDE"
    assert entrypoint.ask("/predict", "{}")[0] == 422
    entrypoint.signal()
    assert entrypoint.exit_code() == ENDED


def test_a_fastapi_app_never_has_more_than_the_limit(fastapi: Start) -> None:
    entrypoint = fastapi("--limit", "2").ready()
    answers = [entrypoint.later("/predict", '{"text": "a"}') for _ in range(8)]
    assert max(answer.result()[1]["most"] for answer in answers) == 2


def test_streams_that_run_at_sigterm_come_to_their_end(fastapi: Start, tmp_path: Path) -> None:
    entrypoint = fastapi("--limit", "4").ready()
    with ThreadPoolExecutor(8) as threads:
        streams = [threads.submit(events, entrypoint) for _ in range(8)]
        entrypoint.running(4)
        entrypoint.signal()
        eventually(lambda: entrypoint.ask("/ready")[1]["status"] == "draining")
        (tmp_path / "enough").touch()
        assert [stream.result() for stream in streams] == [20] * 8
    assert entrypoint.exit_code() == ENDED


def events(entrypoint: Entrypoint) -> int:
    """How many came, of a stream with a clean end."""
    connection = HTTPConnection("127.0.0.1", entrypoint.port, timeout=20)
    connection.request("POST", "/stream", "{}")
    try:
        return connection.getresponse().read().count(b"data: ")
    except IncompleteRead:
        return -1
    finally:
        connection.close()


def test_restarts_under_streams_lose_none() -> None:
    done = subprocess.run([sys.executable, ROLLING_RESTARTS, "--restarts", "3"], stdout=subprocess.PIPE, check=False)
    assert b", 0 failed" in done.stdout
    assert done.returncode == 0
