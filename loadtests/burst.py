"""Bursts from zero with locust: all users at once, then nobody until the replicas are gone, and again.

Usage: locust -f loadtests/burst.py --host ADDRESS [--burst-users 24 --burst-seconds 5 --bursts 2 --gap 10]

The gap is to be longer than the app's cooldown. The row COLD has a request for each that waited for a start. It takes
the options of locustfile.py too.
"""

from __future__ import annotations

from locust import LoadTestShape, events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locustfile import Inference

__all__ = ["Burst", "Inference"]

FINISH_SECONDS = 60


@events.init_command_line_parser.add_listener
def options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--burst-users", type=int, default=24, help="at once")
    parser.add_argument("--burst-seconds", type=float, default=5.0, help="how long each burst lasts")
    parser.add_argument("--gap", type=float, default=10.0, help="seconds between two")
    parser.add_argument("--bursts", type=int, default=2, help="how many")


@events.init.add_listener
def let_finish(environment: Environment, **_: object) -> None:
    """A burst that ends leaves nobody's request."""
    environment.stop_timeout = environment.stop_timeout or FINISH_SECONDS


class Burst(LoadTestShape):
    """Users by the second since the beginning; locust asks each second."""

    def tick(self) -> tuple[int, float] | None:
        assert self.runner is not None
        given = self.runner.environment.parsed_options
        assert given is not None
        burst, second = divmod(self.get_run_time(), given.burst_seconds + given.gap)
        last = burst == given.bursts - 1
        if burst >= given.bursts or (last and second >= given.burst_seconds):
            return None
        return (given.burst_users if second < given.burst_seconds else 0, given.burst_users)
