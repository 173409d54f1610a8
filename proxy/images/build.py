"""One build by the engine: what is sent, what it answers, and why it failed."""

from __future__ import annotations

import os
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
from aiodocker import Docker
from aiohttp import ClientError, ClientTimeout

from proxy.engine.connection import engine_errors, meaning
from proxy.errors import BuildError
from proxy.images.build_log import BuildLog, FailedStep
from proxy.images.context import Context
from proxy.images.progress import Report
from proxy.images.recipe import Step
from proxy.images.settings import proxy_arguments
from proxy.images.trace import read

_BUILDKIT = "2"
_DISK_FULL = "no space left on device"  # said by the engine, or by the command that met it


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be built for the app of `file`: `dockerfile` is a name in the context, whose files had `digest`."""

    file: Path
    tag: str
    context: Context
    digest: bytes
    dockerfile: str
    steps: tuple[Step, ...]
    labels: Mapping[str, str]
    anew: bool


async def build(docker: Docker, order: Order, report: Report) -> None:
    """Return when the engine has an image of that tag; raises BuildError, EngineError. Cancelling it ends the build."""
    log = BuildLog(order.steps, report, time.monotonic)
    with engine_errors("build an image"), _reading_errors():
        async for line in _answer(docker, order):
            for event in read(line):
                log.add(event)
    if log.failure is not None:
        raise _explained(order.file, log, log.failure)


async def _answer(docker: Docker, order: Order) -> AsyncIterator[bytes]:
    """The lines of the engine's answer.

    Over aiodocker's session: its own `build` cannot ask for BuildKit, which alone mounts what no layer may keep.
    """
    parameters = {
        "version": _BUILDKIT,
        "t": order.tag,
        "dockerfile": order.dockerfile,
        "labels": orjson.dumps(dict(order.labels)).decode(),
        "buildargs": orjson.dumps(proxy_arguments(os.environ)).decode(),
        "rm": "1",
        "forcerm": "1",
        "nocache": "1" if order.anew else "0",
    }
    async with docker.session.post(
        f"{docker.docker_host}/build",
        params=parameters,
        data=order.context.archive(order.digest),
        headers={"content-type": "application/x-tar"},
        timeout=ClientTimeout(),
    ) as response:
        if response.status != 200:
            said = await response.read()
            raise _refused(order.file, said)
        rest = b""
        async for piece in response.content.iter_any():
            *lines, rest = (rest + piece).split(b"\n")
            for line in filter(None, map(bytes.strip, lines)):
                yield line


@contextmanager
def _reading_errors() -> Iterator[None]:
    """aiohttp makes a connection error of a file that could not be read for the request."""
    try:
        yield
    except ClientError as error:
        if isinstance(error.__cause__, BuildError):
            raise error.__cause__ from None
        raise


def _refused(file: Path, said: bytes) -> BuildError:
    try:
        text = str(orjson.loads(said)["message"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        text = said.decode(errors="replace")
    return BuildError(f"{file}: the Docker Engine does not build its image: {meaning(text) or text}")


def _explained(file: Path, log: BuildLog, said: str) -> BuildError:
    step = log.failed
    lines = step.lines if step else log.last_lines()
    what = _headline(step, said) if step else meaning(said) or said
    if _DISK_FULL in "\n".join([said, *lines]).lower():
        return BuildError(f"{file}: its image cannot be built: {meaning(_DISK_FULL)}")
    tail = ["; the last lines were", *(f"\n  {line}" for line in lines)] if lines else []
    return BuildError(f"{file}: its image cannot be built: {what}{''.join(tail)}")


def _headline(failed: FailedStep, said: str) -> str:
    code = re.search(r"exit code:? (\d+)", said)
    if not code:  # the engine's own trouble
        return f"{failed.title} failed: {meaning(said) or said}"
    key = failed.step.key if failed.step else "runtime.custom.dockerfile_path"
    mend = f"; correct cerebrium.{key}" if key else ""
    return f"{failed.title} ended with exit code {code[1]}{mend}"
