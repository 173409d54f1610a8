"""A server of one's own: Tidegate starts it, asks /ready and /health, and limits what it gets."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType

from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel


class Text(BaseModel):
    text: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    # uvicorn ends the lifespan only after the last response: the signal is the earliest word of the shutdown.
    shut_down = signal.getsignal(signal.SIGTERM)

    def drain(number: int, frame: FrameType | None) -> None:
        app.state.ready = False
        if callable(shut_down):
            shut_down(number, frame)

    signal.signal(signal.SIGTERM, drain)
    app.state.ready = True
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health() -> dict[str, bool]:
    return {"healthy": True}


@app.get("/ready")
async def ready(response: Response) -> dict[str, bool]:
    response.status_code = 200 if app.state.ready else 503
    return {"ready": app.state.ready}


@app.post("/count")
async def count(text: Text) -> dict[str, int]:
    return {"words": len(text.text.split())}


@app.post("/echo")
async def echo(text: Text) -> StreamingResponse:
    async def words() -> AsyncIterator[str]:
        for word in text.text.split():
            yield f"data: {word}\n\n"
            await asyncio.sleep(0.1)

    return StreamingResponse(words(), media_type="text/event-stream")
