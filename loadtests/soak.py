"""Mixed and rude traffic on `tidegate up` with replicas that break, and what is left over in the pauses between.

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

from soak_proxy import Proxy, Sample, running
from soak_traffic import Traffic
from soak_verdict import judge, table

SHORT_SECONDS = 60.0
ROUND_SECONDS = 18.0
PAUSE_SECONDS = 2.0
# Turn by turn, so that replicas are started and stopped under traffic; the first is more than all slots.
VISITORS = (60, 8)
# Until replicas that nobody needs have been stopped, and idle connections closed.
IDLE_SECONDS = 45.0


class Soak:
    """Rounds of traffic, a pause and a sample after each."""

    def __init__(self, proxy: Proxy, random: Random, seconds: float) -> None:
        self._proxy = proxy
        self._port = proxy.await_start()
        self._random = random
        self._ends = time.monotonic() + seconds
        # Rare enough that a crashed replica was, as a rule, sound before: otherwise starts pause up to a minute.
        self._crash_gap = (12.0, 20.0) if seconds <= SHORT_SECONDS else (40.0, 80.0)
        self._crash_at = time.monotonic() + random.uniform(5, 15)
        self.traffic = Traffic(self._port, random)
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
            tasks.create_task(self._crash(ends))

    async def _crash(self, ends: float) -> None:
        while self._crash_at < ends:
            await asyncio.sleep(self._crash_at - time.monotonic())
            await self.traffic.do(Traffic.replica_crash)
            self._crash_at = time.monotonic() + self._random.uniform(*self._crash_gap)

    async def _idle(self) -> None:
        """The last sample is, like the first, one without replicas."""
        ends = time.monotonic() + IDLE_SECONDS
        while (await self._sample()).replicas and time.monotonic() < ends:
            self.samples.pop()
            await asyncio.sleep(1)

    async def _sample(self) -> Sample:
        ours = self.traffic.open_connections
        self.samples.append(await asyncio.to_thread(self._proxy.sample, self._port, ours))
        return self.samples[-1]


def soak(folder: Path, seconds: float, seed: int) -> bool:
    """Whether all promises were kept."""
    with running(folder) as proxy:
        run = Soak(proxy, Random(seed), seconds)
        began = time.monotonic()
        asyncio.run(run.run())
        exit_code = proxy.end()
        print(table(run.samples))
        kinds = ", ".join(f"{kind} {count}" for kind, count in run.traffic.done.most_common())
        print(f"\n{run.traffic.done.total()} jobs in {time.monotonic() - began:.0f} s: {kinds}\n")
        return judge(run.samples, proxy, run.traffic, exit_code, steady_rss=seconds > SHORT_SECONDS)


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
