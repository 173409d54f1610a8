from __future__ import annotations

import asyncio

from proxy.control.starts import starts, tell_starts
from proxy.core.replica import Event, Replica


def replica(name: str, started_at: float, probe: str = "") -> Replica:
    made = Replica(0, name, 1, started_at)
    made.last_probe = probe
    return made


def test_the_first_is_told_with_what_it_said_last() -> None:
    one, other = replica("a", 2.0), replica("b", 1.0, "/ready answered 503: loading")
    assert starts([one, other], 13.0) == "b is starting, 12 s, and 1 more: /ready answered 503: loading"
    other.move(Event.PASSED, 13.0)
    assert starts([one, other], 13.0) == "a is starting, 11 s"
    one.move(Event.EXIT, 14.0)
    assert starts([one, other], 14.0) == ""


def test_at_the_end_nothing_is_being_started() -> None:
    told: list[str] = []

    async def scenario() -> None:
        telling = asyncio.get_running_loop().create_task(tell_starts([], told.append))
        await asyncio.sleep(0)
        telling.cancel()

    asyncio.run(scenario())
    assert told == [""]
