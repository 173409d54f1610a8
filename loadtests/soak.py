"""Mixed and rude traffic on `tidegate up`, replicas that break, faults; and what is left over in the pauses between.

Usage: python loadtests/soak.py [--minutes 10] [--short] [--seed 1] [--keep-log FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import time
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from types import FrameType

from chaos.proxy import APP, REPLICA_SERVER, Proxy, Sample, running
from chaos.soak_faults import Faults
from chaos.soak_traffic import Traffic
from chaos.soak_verdict import LIMIT, judge, table

SHORT_SECONDS = 60.0
ROUND_SECONDS = 18.0
PAUSE_SECONDS = 2.0
REPLICAS = 4
# Turn by turn, so that replicas are started and stopped under traffic; the first is more than all slots.
VISITORS = (60, 8)
# Until replicas that nobody needs have been stopped, and idle connections closed.
IDLE_SECONDS = 45.0
CONFIG = """
[cerebrium.deployment]
name = "{app}"

[cerebrium.runtime.custom]
entrypoint = ["{python}", "{server}", "$PORT", "{journal}"]
readycheck_endpoint = "/ready"

[cerebrium.scaling]
max_replicas = {replicas}
replica_concurrency = {limit}
cooldown = 5
evaluation_interval = 6
"""


class Soak:
    """Rounds of traffic, a pause and a sample after each."""

    def __init__(self, proxy: Proxy, random: Random, seconds: float) -> None:
        self._proxy = proxy
        self._port = proxy.await_start()
        self._ends = time.monotonic() + seconds
        self.traffic = Traffic(self._port, random)
        self.faults = Faults(proxy, self.traffic, random, rare=seconds > SHORT_SECONDS)
        self.samples: list[Sample] = []

    async def run(self) -> None:
        await self._sample()
        turn = 0
        while time.monotonic() < self._ends:
            await self._round(VISITORS[turn % len(VISITORS)])
            await asyncio.sleep(PAUSE_SECONDS)
            await self._sample()
            turn += 1
        self.traffic.close()
        await self._idle()

    async def _round(self, visitors: int) -> None:
        ends = time.monotonic() + ROUND_SECONDS
        async with asyncio.TaskGroup() as tasks:
            for _ in range(visitors):
                tasks.create_task(self.traffic.visitor(ends))
            tasks.create_task(self.faults.run(ends))

    async def _idle(self) -> None:
        """The last sample is, like the first, one without replicas."""
        ends = time.monotonic() + IDLE_SECONDS
        while (await self._sample()).replicas and time.monotonic() < ends:
            self.samples.pop()
            await asyncio.sleep(1)

    async def _sample(self) -> Sample:
        ours = self.traffic.open_connections
        self.samples.append(await asyncio.to_thread(self._proxy.sample, ours))
        return self.samples[-1]


def soak(folder: Path, seconds: float, seed: int) -> bool:
    """Whether all promises were kept."""
    journal = folder / "journal"
    config = CONFIG.format(
        app=APP, python=sys.executable, server=REPLICA_SERVER, journal=journal, replicas=REPLICAS, limit=LIMIT
    )
    (folder / "cerebrium.toml").write_text(config)
    with running(folder) as proxy:
        run = Soak(proxy, Random(seed), seconds)
        began = time.monotonic()
        asyncio.run(run.run())
        exit_code = proxy.end()
        print(table(run.samples))
        kinds = ", ".join(f"{kind} {count}" for kind, count in (run.traffic.done + run.faults.done).most_common())
        print(f"\n{run.traffic.done.total()} jobs in {time.monotonic() - began:.0f} s: {kinds}\n")
        return judge(run.samples, proxy, run.traffic, run.faults, exit_code, steady_rss=seconds > SHORT_SECONDS)


def main() -> int:
    parser = argparse.ArgumentParser(description="The soak test.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--short", action="store_true", help=f"{SHORT_SECONDS:g} seconds; memory is not judged")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep-log", type=Path, metavar="FILE", help="copy the proxy's log there")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    with TemporaryDirectory(prefix="tidegate-soak-") as place:
        folder = Path(place)
        try:
            passed = soak(folder, SHORT_SECONDS if options.short else options.minutes * 60, options.seed)
        except RuntimeError as error:
            print(error, file=sys.stderr)
            return 1
        finally:
            if options.keep_log:
                shutil.copyfile(folder / "log", options.keep_log)
    return 0 if passed else 1


def _end(number: int, _: FrameType | None) -> None:
    """An exception, so that everything started is ended on the way out."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
