"""Servers of others behind the container entrypoint: llama.cpp with the OpenAI client, MLServer with Triton's client.

Their packages go into a virtual environment of their own, made by the first run.

Usage: python loadtests/real_servers.py [--packages build/real-servers]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SERVERS = Path(__file__).with_name("servers")
PACKAGES = ("xllamacpp", "gguf", "openai", "mlserver", "tritonclient[http]")
READY_SECONDS = 60.0


class Packages:
    """The virtual environment with the servers and their clients."""

    def __init__(self, folder: Path) -> None:
        self.programs = folder / "bin"
        if not (self.programs / "mlserver").exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            subprocess.run([str(self.programs / "pip"), "install", "--quiet", *PACKAGES], check=True)

    def run(self, script: str, *arguments: str) -> str:
        argv = [str(self.programs / "python"), str(SERVERS / script), *arguments]
        return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


@contextmanager
def behind_the_gate(log: Path, folder: Path, arguments: Sequence[str]) -> Iterator[str]:
    """`tidegate runtime` with these arguments, ready; its HOST:PORT. Ends it and sees that its end is clean."""
    argv = [sys.executable, "-P", "-m", "runtime", "--host", "127.0.0.1", "--port", "0", *arguments]
    with log.open("w") as output:
        process = subprocess.Popen(argv, cwd=folder, stdout=output, stderr=output)
    try:
        ends = time.monotonic() + READY_SECONDS
        while "is ready after" not in log.read_text():
            if process.poll() is not None or time.monotonic() > ends:
                raise SystemExit(f"not ready:\n{log.read_text()}")
            time.sleep(0.02)
        yield "127.0.0.1:" + log.read_text().split("gate on http://")[1].splitlines()[0].rpartition(":")[2]
    finally:
        process.terminate()
        process.wait(READY_SECONDS)


def said(log: Path) -> str:
    return next(line for line in log.read_text().splitlines() if "is ready after" in line)


def llama(packages: Packages, folder: Path) -> Iterator[str]:
    model, log = folder / "tiny.gguf", folder / "llama.log"
    packages.run("tiny_model.py", str(model))
    server = [str(packages.programs / "python"), str(SERVERS / "llama_server.py"), "-m", str(model)]
    with behind_the_gate(log, folder, ["--preset", "llama.cpp", "--limit", "1", "--", *server]) as address:
        yield said(log)
        yield packages.run("openai_client.py", f"http://{address}")


def mlserver(packages: Packages, folder: Path) -> Iterator[str]:
    log = folder / "mlserver.log"
    options = ["--upstream-port", "18080", "--ready-path", "/v2/health/ready", "--limit", "2"]
    command = [str(packages.programs / "mlserver"), "start", "."]
    with behind_the_gate(log, SERVERS / "doubler", [*options, "--", *command]) as address:
        yield said(log)
        yield packages.run("triton_client.py", address)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, default=Path("build/real-servers"))
    packages = Packages(parser.parse_args().packages.absolute())
    with tempfile.TemporaryDirectory() as folder:
        for check in (llama, mlserver):
            for line in check(packages, Path(folder)):
                print(f"{check.__name__}: {line}")


if __name__ == "__main__":
    main()
