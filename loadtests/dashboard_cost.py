"""What watching costs: the dashboard's share of the proxy's CPU, and a scrape of /metrics, with 100 replicas.

    python loadtests/dashboard_cost.py [--replicas 100] [--rate 200] [--seconds 20] [--viewers 1]

Exit code 1 if the dashboard takes 5 % of the proxy's CPU time or more, or a scrape 20 ms or more (medians).
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import psutil

ROOT = Path(__file__).parents[1]
SERVER = ROOT / "tests" / "e2e" / "fake_server.py"
START_SECONDS = 180.0
ROUNDS = 3


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicas", type=int, default=100)
    parser.add_argument("--rate", type=float, default=200.0, help="requests per second")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement")
    parser.add_argument("--viewers", type=int, default=1)
    return parser.parse_args()


def write_app(folder: Path, replicas: int) -> None:
    (folder / "cerebrium.toml").write_text(
        '[cerebrium.deployment]\nname = "demo"\n'
        f'[cerebrium.runtime.custom]\nentrypoint = "{sys.executable} -I -S {SERVER} $PORT"\n'
        f"[cerebrium.scaling]\nmin_replicas = {replicas}\nmax_replicas = {replicas}\nreplica_concurrency = 4\n"
    )


class Proxy:
    """A running `tidegate up`: its addresses, and the processor time that it has used."""

    def __init__(self, process: asyncio.subprocess.Process, announced: str) -> None:
        self.data, self.admin = (word.rstrip(")") for word in announced.split() if word.startswith("http://"))
        self._process = psutil.Process(process.pid)

    def cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)


@asynccontextmanager
async def proxy(folder: Path) -> AsyncIterator[Proxy]:
    argv = (sys.executable, "-m", "proxy", "up", str(folder), "--port", "0", "--admin-port", "0", "--no-request-log")
    with (folder / "log").open("w") as log:
        process = await asyncio.create_subprocess_exec(
            *argv, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=log, env={"TIDEGATE_STATE": str(folder / "state")}
        )
        assert process.stdout is not None
        try:
            yield Proxy(process, (await process.stdout.readline()).decode())
        finally:
            process.terminate()
            await process.wait()


async def all_ready(session: aiohttp.ClientSession, url: str, replicas: int) -> None:
    async with asyncio.timeout(START_SECONDS):
        while True:
            async with session.get(f"{url}/api/apps/demo") as response:
                states = [replica["state"] for replica in (await response.json())["replicas"]]
            if states.count("ready") == replicas:
                return
            await asyncio.sleep(1.0)


async def load(session: aiohttp.ClientSession, url: str, rate: float) -> None:
    """Requests at a fixed rate, for ever."""

    async def one() -> None:
        async with session.get(f"{url}/bytes/100") as response:
            await response.read()

    async with asyncio.TaskGroup() as tasks:
        due = time.monotonic()
        while True:
            tasks.create_task(one())
            due += 1 / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))


async def watch(session: aiohttp.ClientSession, url: str) -> None:
    async with session.get(f"{url}/api/live", timeout=aiohttp.ClientTimeout(total=None)) as response:
        async for _ in response.content.iter_any():
            pass


async def used(measured: Proxy, seconds: float) -> float:
    before = measured.cpu_seconds()
    await asyncio.sleep(seconds)
    return (measured.cpu_seconds() - before) / seconds


async def scrapes(session: aiohttp.ClientSession, url: str) -> list[float]:
    """Milliseconds of scrapes, one after the other."""
    took = []
    for _ in range(30):
        began = time.perf_counter()
        async with session.get(f"{url}/metrics") as response:
            await response.read()
        took.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.1)
    return took


async def watched(session: aiohttp.ClientSession, measured: Proxy, options: argparse.Namespace) -> float:
    """The processor time while `viewers` look on."""
    async with asyncio.TaskGroup() as tasks:
        viewers = [tasks.create_task(watch(session, measured.admin)) for _ in range(options.viewers)]
        share = await used(measured, options.seconds)
        for viewer in viewers:
            viewer.cancel()
    return share


async def dashboard_share(session: aiohttp.ClientSession, measured: Proxy, options: argparse.Namespace) -> float:
    """Of the proxy's CPU: rounds without and with viewers, in turn."""
    rounds = [(await used(measured, options.seconds), await watched(session, measured, options)) for _ in range(ROUNDS)]
    without, together = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(
        f"proxy at {options.rate:g} requests/s: {without:.2%} of a core alone, "
        f"{together:.2%} with {options.viewers} viewers"
    )
    return float(max(0.0, together - without) / together)


async def measure(options: argparse.Namespace) -> bool:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        write_app(folder, options.replicas)
        measured = await stack.enter_async_context(proxy(folder))
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        await all_ready(session, measured.admin, options.replicas)
        idle = statistics.median(await scrapes(session, measured.admin))
        async with asyncio.TaskGroup() as tasks:
            loading = tasks.create_task(load(session, measured.data, options.rate))
            share = await dashboard_share(session, measured, options)
            busy = statistics.median(await scrapes(session, measured.admin))
            loading.cancel()
    print(f"dashboard: {share:.1%} of the proxy's CPU (bound 5 %), {options.replicas} replicas")
    print(f"/metrics: {idle:.1f} ms idle, {busy:.1f} ms under load (bound 20 ms)")
    return share < 0.05 and busy < 20


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(measure(parsed())) else 1)
