"""Requests at a rate or from a trace, each sent when it is due, whatever became of those before it.

Usage: python loadtests/open_loop.py URL --rate 100 [--service exponential:0.05], or URL --trace FILE [--speed 10]

A generator that waits for answers sends nothing while a server stalls, and so does not see the stall (coordinated
omission). Here latency counts from the moment that a request was due. Whether the generator itself was late is
measured too: if it was, there is no result.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import multiprocessing
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

import uvloop
from bench.failure import BenchError
from fake_model import distribution
from openloop.arrivals import faster, fixed, poisson
from openloop.result import Result, Sample
from openloop.sender import Request, Sender

from proxy.errors import TraceError
from proxy.simulation.trace import Call, read_trace

START_SECONDS = 30.0
HEAD_START_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Sending:
    """How calls are replayed; those that are due during the warm-up are sent and not counted."""

    processes: int = 1
    warm_up_seconds: float = 0.0
    most_lag_seconds: float = 0.01


def replay(request: Request | str, calls: Sequence[Call], sending: Sending | None = None) -> Result:
    """Send the calls, in processes of their own; raises BenchError if these were late: p99 of the lag over the most."""
    sending = sending or Sending()
    request = Request(request) if isinstance(request, str) else request
    samples = [sample for sample in _send(request, calls, sending.processes) if sample.due >= sending.warm_up_seconds]
    if not samples:
        raise BenchError("there is no request to send after the warm-up: give more seconds")
    result = Result(sorted(samples), max(sample.due for sample in samples) - sending.warm_up_seconds or 1e-9)
    lag = result.lag
    if lag and lag.p99 > sending.most_lag_seconds:
        raise BenchError(
            f"no result: the generator itself was late, by {1000 * lag.p99:.1f} ms at the 99th percentile, and "
            f"{1000 * sending.most_lag_seconds:g} ms is allowed: try more --processes, a lower rate, a quieter machine"
        )
    return result


def _send(request: Request, calls: Sequence[Call], processes: int) -> list[Sample]:
    context = multiprocessing.get_context("spawn")
    pipes, children = [], []
    for number in range(processes):
        ours, theirs = context.Pipe()
        child = context.Process(target=_child, args=(theirs, request, calls[number::processes]), daemon=True)
        child.start()
        theirs.close()
        pipes.append(ours)
        children.append(child)
    try:
        if not all(pipe.poll(START_SECONDS) and pipe.recv() for pipe in pipes):
            raise BenchError("a process of the generator did not start")
        begin = time.monotonic() + HEAD_START_SECONDS
        for pipe in pipes:
            pipe.send(begin)
        return [sample for pipe in pipes for sample in pipe.recv()]
    except EOFError:
        raise BenchError("a process of the generator ended before its time: it said why above") from None
    finally:
        for pipe, child in zip(pipes, children, strict=True):
            pipe.close()
            child.terminate()
            child.join()
            child.close()


def _child(pipe: Connection, request: Request, calls: Sequence[Call]) -> None:
    pipe.send(True)
    begin = pipe.recv()
    gc.disable()  # a collection is a pause, and nothing here is cyclic for long
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        pipe.send(runner.run(Sender(request).run(calls, begin)))


def chosen(options: argparse.Namespace) -> list[Call]:
    """Raises TraceError."""
    random = Random(options.seed)
    if options.trace:
        return faster(read_trace(options.trace), options.speed, options.seconds)
    arrivals = fixed if options.arrivals == "fixed" else poisson
    return arrivals(options.rate, options.seconds, random, options.service)


def positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError
    return value


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Open-loop load: latency under a fixed rate.")
    option = parser.add_argument
    option("url")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--rate", type=positive, help="requests a second")
    what.add_argument("--trace", type=Path, metavar="FILE", help="CSV or JSON lines of arrival and service seconds")
    option("--arrivals", choices=["poisson", "fixed"], default="poisson")
    option("--seconds", type=positive, default=30.0, help="how long; of a trace its first, after --speed")
    option("--speed", type=positive, default=1.0, help="of a trace: both arrivals and service times")
    option(
        "--service", type=distribution, metavar="DISTRIBUTION", help="x-service-seconds of each: exponential:0.05, …"
    )
    option("--warm-up", type=float, default=0.0, metavar="S", help="sent and not counted")
    option("--processes", type=int, default=1)
    option("--most-lag", type=positive, default=10.0, metavar="MS", help="the generator's own, 99th percentile")
    option("--timeout", type=positive, default=60.0, metavar="S", help="of one request")
    option("--body", default="{}")
    option("--header", action="append", default=[], metavar="NAME:VALUE")
    option("--seed", type=int, default=1)
    option("--json", action="store_true")
    return parser.parse_args()


def main() -> int:
    options = parse()
    headers = {name.strip(): value.strip() for name, _, value in (text.partition(":") for text in options.header)}
    try:
        request = Request(options.url, options.body.encode(), headers, options.timeout)
        sending = Sending(options.processes, options.warm_up, options.most_lag / 1000)
        result = replay(request, chosen(options), sending)
    except (BenchError, TraceError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(result.document()) if options.json else result.text())
    return 1 if result.failures else 0


if __name__ == "__main__":
    sys.exit(main())
