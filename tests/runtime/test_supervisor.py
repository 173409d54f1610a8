"""Between the end of a command and its next start."""

from __future__ import annotations

import asyncio
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
    pid = 4711
    started_at = 0.0


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
