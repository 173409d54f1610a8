"""The live view: built once for all, and only for somebody."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

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
