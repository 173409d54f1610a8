"""Each locust script for a moment against `tidegate up` with fake models, and one table: `make load`.

Usage: python loadtests/load.py [--short] [--only model,llm,websocket,burst,mixed] [--html FOLDER]

It exits with 1 if a request failed, or if a replica ever had more requests at once than its limit.
"""

from __future__ import annotations

import argparse
import csv
import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from bench.failure import BenchError
from bench.process import free_port, running
from load_outcome import Outcome, Proxy, Replicas, table

HERE = Path(__file__).parent
# Beyond the run: locust's own start and end, and the requests that are still on their way.
SPARE_SECONDS = 60.0
FINISH_SECONDS = 30


@dataclass(frozen=True)
class Script:
    """A locust script, its app in apps/ and how much of it is run; a shape of its own gives users and seconds 0."""

    app: str
    file: str
    users: int = 0
    seconds: int = 0
    short_seconds: int = 0
    options: tuple[str, ...] = ()
    short_options: tuple[str, ...] = ()

    def arguments(self, short: bool) -> list[str]:
        shape = list(self.short_options if short else self.options)
        if not self.users:
            return shape
        seconds = self.short_seconds if short else self.seconds
        return [*shape, "--users", str(self.users), "--spawn-rate", str(self.users), "--run-time", f"{seconds}s"]


SCRIPTS = (
    Script("model", "locustfile.py", users=20, seconds=10, short_seconds=3),
    Script("llm", "llm.py", users=16, seconds=10, short_seconds=4),
    Script("websocket", "websocket_load.py", users=20, seconds=8, short_seconds=3),
    Script("burst", "burst.py", options=("--bursts", "2"), short_options=("--bursts", "1", "--burst-seconds", "3")),
    Script("mixed", "mixed.py", users=24, seconds=15, short_seconds=5),
)


@dataclass(frozen=True)
class Site:
    """A running proxy, and the file of what its replicas say of themselves."""

    url: str
    admin: str
    report: Path

    def metrics(self) -> str:
        with urllib.request.urlopen(f"{self.admin}/metrics", timeout=10) as answer:
            return str(answer.read(), "utf-8")


@contextmanager
def serving(app: str, folder: Path) -> Iterator[Site]:
    """`tidegate up` with one of the apps; raises BenchError if it does not start."""
    port, admin_port, report = free_port(), free_port(), folder / "report"
    report.touch()
    environment = [f"FAKE_MODEL_REPORT={report}", f"TIDEGATE_STATE={folder / 'state'}"]
    ports = ["--port", str(port), "--admin-port", str(admin_port)]
    command = ["env", *environment, sys.executable, "-m", "proxy", "up", str(HERE / "apps" / app), *ports]
    with running("tidegate", command, folder / "log") as process:
        process.await_answer(admin_port, "/healthz")
        yield Site(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{admin_port}", report)


def measure(script: Script, short: bool, html: Path | None) -> Outcome:
    """Raises BenchError if the proxy or locust itself fails."""
    with TemporaryDirectory(prefix="tidegate-load-") as place:
        folder = Path(place)
        with serving(script.app, folder) as site:
            _locust(script, site, folder, ["--html", str(html / f"{script.app}.html")] if html else [], short)
            proxy = Proxy.of(site.metrics())
        rows = json.loads((folder / "stats.json").read_text())
        replicas = Replicas.of((folder / "report").read_text())
        with (folder / "stats_failures.csv").open() as reasons:
            return Outcome(script.app, rows, proxy, replicas, list(csv.DictReader(reasons)))


def _locust(script: Script, site: Site, folder: Path, more: list[str], short: bool) -> None:
    command = [sys.executable, "-m", "locust", "-f", str(HERE / script.file), "--host", site.url, "--headless"]
    files = ["--json-file", str(folder / "stats"), "--csv", str(folder / "stats")]
    output = ["--only-summary", *files, "--stop-timeout", str(FINISH_SECONDS)]
    try:
        done = subprocess.run(
            [*command, *output, *more, *script.arguments(short)],
            capture_output=True,
            text=True,
            check=False,
            timeout=script.seconds + SPARE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{script.file} did not come to its end") from None
    if not (folder / "stats.json").exists():
        print(done.stderr + done.stdout, file=sys.stderr)
        raise BenchError(f"{script.file} ended with {done.returncode} and no figures")


def chosen(text: str) -> list[Script]:
    names = text.split(",")
    known = {script.app: script for script in SCRIPTS}
    if unknown := [name for name in names if name not in known]:
        raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown)}; choose from {', '.join(known)}")
    return [known[name] for name in names]


def main() -> int:
    parser = argparse.ArgumentParser(description="The load scripts, one after the other.")
    parser.add_argument("--short", action="store_true", help="a few seconds of each")
    parser.add_argument("--only", type=chosen, default=list(SCRIPTS), help="some of model,llm,websocket,burst,mixed")
    parser.add_argument("--html", type=Path, metavar="FOLDER", help="keep locust's reports there")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    outcomes = []
    try:
        if options.html:
            options.html.mkdir(parents=True, exist_ok=True)
        for script in options.only:
            print(f"{script.file} …", file=sys.stderr)
            outcomes.append(measure(script, options.short, options.html))
    except (BenchError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(table(outcomes).markdown())
    faults = [fault for outcome in outcomes for fault in outcome.faults()]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def _end(number: int, _: FrameType | None) -> None:
    """An exception, so that everything started is ended on the way out."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
