"""From the decision to start a replica to the first request that it serves, and how late readiness is seen.

Usage: python loadtests/cold_start.py [--short] [--json FILE]

Each round sends one request to an app without a replica and waits until the replica has gone again. The replica tells
when its model was loaded and when it began with the request, both by its own clock: between lies all that Tidegate adds
to a cold start. Docker is measured where an engine answers that has the image of scripts/docker-engine.sh.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

from bench import command
from bench.failure import BenchError
from bench.machine import description
from bench.peers import COMPILED, HERE
from bench.process import free_ports, running
from bench.result import Result
from bench.table import Table, figure

IMAGE = "tidegate-test-base"
DOCKER = (["docker", "image", "inspect", IMAGE], ["docker", "version", "--format", "{{.Server.Version}}"])
GONE_SECONDS, ANSWER_SECONDS = 60.0, 60.0
COLD = re.compile(r"cold;dur=([\d.]+)")
SCALING = """
[cerebrium.scaling]
min_replicas = 0
max_replicas = 1
replica_concurrency = 1
cooldown = 0
evaluation_interval_seconds = 6
response_grace_period = 16
"""


@dataclass(frozen=True, slots=True)
class Start:
    """One cold start: the whole, and from the model's being loaded to the begin of the request, where it is told."""

    whole_ms: float
    lag_ms: float | None


@dataclass(frozen=True, slots=True)
class Case:
    """An app that starts from nothing; `path` is what is asked."""

    name: str
    backend: str
    configuration: str
    path: str = "/"


def cases(short: bool) -> Iterator[Case]:
    model = f"{HERE}/fake_model.py"
    yield Case("a function, examples/hello", "process", (HERE.parent / "examples/hello/main.py").read_text(), "/hello")
    for seconds in (0.0,) if short else (0.0, 1.0, 5.0):
        yield Case(f"a model that loads for {seconds:g} s", "process", _model([sys.executable, model], seconds))
    if _engine():
        table = f'\n[tidegate.docker]\nimage = "{IMAGE}"\nvolumes = ["{HERE}:/loadtests:ro"]\n'
        for seconds in (0.0,) if short else (0.0, 5.0):
            words = ["python3", "/loadtests/fake_model.py", "--host", "0.0.0.0"]
            yield Case(f"a model that loads for {seconds:g} s", "docker", _model(words, seconds) + table)


def _model(words: list[str], seconds: float) -> str:
    entrypoint = json.dumps([*words, "--cold-start", str(seconds)])
    return f'\n[cerebrium.runtime.custom]\nentrypoint = {entrypoint}\nreadycheck_endpoint = "/ready"\n'


def _engine() -> str:
    """What is added to the versions; empty where there is no Docker Engine, or not the image."""
    try:
        asked = [subprocess.run(words, capture_output=True, text=True, timeout=20, check=True) for words in DOCKER]
    except (OSError, subprocess.SubprocessError):
        return ""
    return f", Docker Engine {asked[-1].stdout.strip()}"


@contextmanager
def up(case: Case) -> Iterator[tuple[int, int]]:
    """Its data port and its admin port."""
    with TemporaryDirectory(prefix="tidegate-bench-") as place:
        folder = Path(place) / "app"
        folder.mkdir()
        written = '[cerebrium.deployment]\nname = "cold"\n' + SCALING
        if case.path == "/":
            written += case.configuration
        else:
            (folder / "main.py").write_text(case.configuration)
        (folder / "cerebrium.toml").write_text(written)
        port, admin = free_ports(2)
        ports = ["--port", str(port), "--admin-port", str(admin)]
        code = COMPILED if COMPILED.exists() else HERE.parent
        words = [sys.executable, "-P", "-m", "proxy", "up", str(folder), "--backend", case.backend, *ports]
        with running("Tidegate", ["env", f"PYTHONPATH={code}", *words], Path(place) / "log") as process:
            process.await_answer(admin, "/healthz")
            yield port, admin


def start(case: Case, port: int) -> Start:
    """Raises BenchError if there is no good answer."""
    request = Request(f"http://127.0.0.1:{port}{case.path}", b"{}", {"content-type": "application/json"})
    try:
        with urlopen(request, timeout=ANSWER_SECONDS) as answer:
            timing, said = answer.headers["server-timing"], json.load(answer)
    except OSError as error:
        raise BenchError(f"{case.name} ({case.backend}) did not answer: {error}") from None
    cold = COLD.search(timing)
    if cold is None:
        raise BenchError(f"{case.name} ({case.backend}) answered without a cold start: {timing}")
    return Start(float(cold[1]), 1e3 * (said["began"] - said["loaded"]) if "loaded" in said else None)


def await_none(admin: int) -> None:
    """Raises BenchError if the replica stays."""
    ends = time.monotonic() + GONE_SECONDS
    while time.monotonic() < ends:
        with urlopen(f"http://127.0.0.1:{admin}/api/apps/cold", timeout=10) as answer:
            if not json.load(answer)["replicas"]:
                return
        time.sleep(0.1)
    raise BenchError(f"the replica did not go within {GONE_SECONDS:g} s")


def row(case: Case, rounds: int) -> tuple[str, ...]:
    starts = []
    with up(case) as (port, admin):
        for number in range(1, rounds + 1):
            print(f"{case.backend}: {case.name}, {number} of {rounds}", file=sys.stderr)
            starts.append(start(case, port))
            await_none(admin)
    lags = [one.lag_ms for one in starts if one.lag_ms is not None]
    wholes = [one.whole_ms for one in starts]
    told: list[Callable[[list[float]], float]] = [median, max]
    late = [figure(take(lags)) if lags else "–" for take in told]
    return (case.backend, case.name, *(figure(take(wholes)) for take in told), *late)


def measure(short: bool) -> Result:
    rounds = 2 if short else 5
    rows = [row(case, rounds) for case in cases(short)]
    header = ("backend", "app", "cold start ms", "worst cold start ms", "added ms", "worst added ms")
    engine = _engine()
    missing = "" if engine else " There was no Docker Engine with the tests' image."
    note = (
        f"Medians of {rounds} starts from zero replicas, each by a request that waited for it. The cold start is from "
        "the decision to the first good answer of the readiness probe, with the start of the interpreter; added is "
        f"from the end of loading to the begin of the request in the replica.{missing}"
    )
    asked = "python loadtests/cold_start.py" + " --short" * short
    return Result("Cold starts", asked, description() + engine, {"cold-start": Table(header, rows, note)})


if __name__ == "__main__":
    options = command.parser("Cold starts and how late readiness is seen.").parse_args()
    sys.exit(command.run(lambda: measure(options.short), options.json))
