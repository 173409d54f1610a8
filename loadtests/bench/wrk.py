"""Many requests, made by wrk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

from bench.failure import BenchError
from bench.peers import HERE, Server


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of wrk saw, and what it cost the server."""

    requests: int
    errors: int
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Wrk:
    """How wrk is run; `body_bytes` above 0, or a `json` document, makes the requests POSTs."""

    program: str
    path: str = "/"
    connections: int = 32
    body_bytes: int = 0
    json: str = ""

    def run(self, server: Server, seconds: int) -> Run:
        """Raises BenchError if there was no answer at all; errors among the answers are counted and told."""
        before = server.process.cpu_seconds()
        seen = self._measure(f"http://127.0.0.1:{server.port}{self.path}", seconds)
        cpu_seconds = server.process.cpu_seconds() - before
        requests, errors = seen["requests"], seen["errors"]
        if not requests:
            raise BenchError(f"{server.name} answered no request to {self.path} in {seconds} s")
        if errors:
            print(f"{server.name}: {errors} errors in {requests} requests to {self.path}", file=sys.stderr)
        p50_ms, p99_ms = seen["p50_us"] / 1e3, seen["p99_us"] / 1e3
        return Run(requests, errors, seen["microseconds"] / 1e6, p50_ms, p99_ms, cpu_seconds)

    def _measure(self, url: str, seconds: int) -> dict[str, int]:
        options = ["-t1", f"-c{self.connections}", f"-d{seconds}s", "-s", str(HERE / "wrk_report.lua")]
        environment = {**os.environ, "BODY_BYTES": str(self.body_bytes), "JSON": self.json}
        command = [self.program, *options, url]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=seconds + 30
        )
        if done.returncode:
            raise BenchError(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
        seen: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
        return seen
