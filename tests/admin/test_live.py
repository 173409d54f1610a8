"""The live view: built once for all, and only for somebody."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from proxy.admin import live as module
from proxy.admin.live import Live
from tests.admin.fakes import one_app

WALL = datetime(2026, 1, 1, tzinfo=UTC)


class Counted(Live):
    """Remembers how often it was asked whether the port is ready: once for each snapshot."""

    def __init__(self) -> None:
        self.built = 0
        super().__init__([one_app()], self._count)
        self.began = self._sampled_at

    def _count(self) -> bool:
        self.built += 1
        return True


@pytest.fixture
def live() -> Counted:
    return Counted()


def test_nothing_is_built_while_nobody_watches(live: Counted) -> None:
    for second in range(10):
        live.step(live.began + second, WALL)
    assert live.built == 0


def test_all_viewers_share_one_snapshot(live: Counted) -> None:
    live._viewers = 3
    live.step(live.began + 1, WALL)
    assert live.built == 1


def test_a_sample_is_taken_every_five_seconds_for_nobody_too(live: Counted) -> None:
    for second in range(1, 13):
        live.step(live.began + second, WALL)
    assert len(live.histories["demo"].document()["series"]["ready"]) == 2


class Mistaken(Live):
    """Cannot be built the first time."""

    steps = 0

    def step(self, now: float, wall: datetime) -> None:
        self.steps += 1
        if self.steps == 1:
            raise TypeError("no JSON")
        raise asyncio.CancelledError


def test_a_view_that_cannot_be_built_ends_neither_the_next_nor_the_proxy(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_PULSE_SECONDS", 0.0)
    mistaken = Mistaken([], lambda: True)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(mistaken.run())
    assert mistaken.steps == 2
    assert "no JSON" in caplog.text
