"""Between the end of a command and its next start."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from typing import cast

import pytest

from runtime import supervisor
from runtime.child import Child
from runtime.gate import Gate
from runtime.launch import Launch
from runtime.options import parse
from runtime.supervisor import Supervisor


class FakeChild:
    """Remembers that it was killed."""

    pid = 4711
    started_at = 0.0
    killed = False

    def kill(self) -> None:
        self.killed = True


class FakeOrphans:
    """Are still there for three looks; remembers how many tasks ran meanwhile."""

    def __init__(self) -> None:
        self.turns = 0
        self.seen: list[int] = []

    def killed(self) -> Iterator[float]:
        for _ in range(3):
            self.seen.append(self.turns)
            yield 0.0

    async def take_turns(self) -> None:
        for _ in range(10):
            self.turns += 1
            await asyncio.sleep(0)


def test_while_what_a_command_left_behind_ends_the_gate_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    orphans = FakeOrphans()
    monkeypatch.setattr(supervisor, "ORPHANS", orphans)

    async def scenario() -> None:
        launch, child = Launch("serve", (), {}, 0, "", mended=True), cast(Child, FakeChild())
        async with asyncio.TaskGroup() as tasks:
            gate = Gate(parse(["--limit", "2"], {}), "main.py", tasks)
            supervised = Supervisor((launch, child), lambda: (launch, child), gate, tasks)
            replica = gate.stand_before("local-1", "127.0.0.1", 41000, 0.0)
            tasks.create_task(orphans.take_turns())
            await supervised._bury(replica, "serve exited with code 1")
            await gate.close()

    asyncio.run(scenario())
    assert orphans.seen[0] < orphans.seen[1] < orphans.seen[2]


def test_what_a_third_request_to_end_kills_was_killed_by_us() -> None:
    command = FakeChild()

    async def scenario() -> None:
        launch = Launch("serve", (), {}, 0, "")
        async with asyncio.TaskGroup() as tasks:
            gate = Gate(parse([], {}), "serve", tasks)
            supervised = Supervisor((launch, cast(Child, command)), lambda: (launch, cast(Child, command)), gate, tasks)
            replica = gate.stand_before("local-1", "127.0.0.1", 41000, 0.0)
            for killed in (False, False, True):
                supervised._asked_to_end(signal.SIGTERM)
                assert (command.killed, replica.killed) == (killed, killed)
            assert supervised._ending is not None
            supervised._ending.cancel()
            await gate.close()

    asyncio.run(scenario())
