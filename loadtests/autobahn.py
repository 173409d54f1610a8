"""Autobahn's WebSocket fuzzing client against an echo server, directly and through Tidegate: the verdicts must agree.

Usage: python loadtests/autobahn.py [--python2 PATH]. The test suite needs Python 2.7; it is installed once into
build/autobahn. Exits with 1 if a verdict differs; without a Python 2.7 it says so and exits with 0.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.failure import BenchError
from bench.process import free_port, running

FOLDER = Path(__file__).parent
TIDEGATE = Path(sys.executable).with_name("tidegate")
INSTALLED = FOLDER.parent / "build" / "autobahn"
SUITE = "autobahntestsuite"
CASES = [f"{chapter}.*" for chapter in range(1, 12)]  # 12 and 13 are compression
INSTALL_SECONDS = 300
RUN_SECONDS = 180
# Cases that send octet by octet are judged by how fast the server fails: the same server's verdict varies.
RETRIES = 5
START_SECONDS = 15
Verdicts = Mapping[str, str]


def usable(python2: str | None) -> bool:
    """A pyenv shim may be there without the version that it stands for."""
    return python2 is not None and subprocess.run([python2, "-c", ""], capture_output=True, check=False).returncode == 0


def install(python2: str) -> Path:
    """The test suite's command."""
    command = INSTALLED / "bin" / "wstest"
    if not command.exists():
        print(f"installing {SUITE} into {INSTALLED}", flush=True)
        finish([python2, "-m", "pip", "install", "--quiet", "--user", SUITE], INSTALL_SECONDS)
    return command


def finish(command: Sequence[str], seconds: float) -> None:
    """Raises BenchError with the last words of a command that fails or takes longer."""
    environment = os.environ | {"PYTHONUSERBASE": str(INSTALLED)}
    try:
        done = subprocess.run(command, env=environment, timeout=seconds, capture_output=True, text=True, check=False)
    except subprocess.TimeoutExpired:
        raise BenchError(f"{command[0]} did not finish within {seconds:g} s") from None
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines() or ["it said nothing"]
        raise BenchError(f"{' '.join(command)}: {said[-1]}")


def await_listening(port: int) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise BenchError(f"nothing listens on port {port} after {START_SECONDS} s")


def fuzz(wstest: Path, ports: Mapping[str, int], cases: Sequence[str]) -> list[Verdicts]:
    """What the test suite says of each server: case → verdict."""
    with tempfile.TemporaryDirectory() as folder:
        reports, spec = Path(folder, "reports"), Path(folder, "spec.json")
        servers = [{"agent": name, "url": f"ws://127.0.0.1:{port}"} for name, port in ports.items()]
        spec.write_text(json.dumps({"outdir": str(reports), "servers": servers, "cases": cases, "exclude-cases": []}))
        finish([str(wstest), "--mode", "fuzzingclient", "--spec", str(spec)], RUN_SECONDS)
        said = json.loads((reports / "index.json").read_text())
    return [
        {case: f"{one['behavior']}, close {one['behaviorClose']}" for case, one in said[name].items()} for name in ports
    ]


def compare(wstest: Path, ports: Mapping[str, int]) -> tuple[int, list[str]]:
    """The number of cases, and those of which no verdict came both ways."""
    direct, through = fuzz(wstest, ports, CASES)
    seen = {case: ({direct.get(case, "not run")}, {through.get(case, "not run")}) for case in [*direct, *through]}
    for _ in range(RETRIES):
        if not (differing := [case for case, (one, other) in seen.items() if not one & other]):
            break
        for verdicts, side in zip(fuzz(wstest, ports, differing), (0, 1), strict=True):
            for case, verdict in verdicts.items():
                seen[case][side].add(verdict)
    return len(seen), [
        f"{case}: {' or '.join(sorted(one))} directly, {' or '.join(sorted(other))} through Tidegate"
        for case, (one, other) in seen.items()
        if not one & other
    ]


def measure(wstest: Path, folder: Path) -> tuple[int, list[str]]:
    ports = {"direct": free_port(), "tidegate": free_port()}
    direct, through = ports.values()
    (folder / "cerebrium.toml").write_text(
        '[cerebrium.deployment]\nname = "echo"\n[cerebrium.runtime.custom]\nentrypoint = "none"\n'
        f'[tidegate.static]\nreplicas = ["127.0.0.1:{direct}"]\n'
    )
    echo = [sys.executable, str(FOLDER / "websocket_echo.py"), str(direct)]
    up = [str(TIDEGATE), "up", str(folder), "--backend", "static", "--port", str(through), "--admin-port", "0"]
    with running("echo", echo, folder / "echo.log"), running("tidegate", up, folder / "up.log"):
        await_listening(direct)
        await_listening(through)
        return compare(wstest, ports)


def main() -> int:
    parser = argparse.ArgumentParser(description="Autobahn's WebSocket cases, directly and through Tidegate.")
    parser.add_argument("--python2", default=shutil.which("python2.7"), help="a Python 2.7 (default: on the PATH)")
    python2 = parser.parse_args().python2
    if not usable(python2):
        print(f"{SUITE} needs Python 2.7, which is not here: nothing was compared.")
        return 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            count, found = measure(install(python2), Path(folder))
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join([*found, f"{count} cases, {len(found)} verdicts differ"]))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
