"""Settings of the tests of what steers."""

from __future__ import annotations

import pytest

from proxy.control import termination


@pytest.fixture(autouse=True)
def no_time_to_settle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fakes have read at once what they are sent."""
    monkeypatch.setattr(termination, "SETTLE_SECONDS", 0.0)
