from __future__ import annotations

import time

import pytest

from proxy.admin.replicas import drained, restarted
from proxy.core.replica import Event
from proxy.errors import BadRequest
from tests.admin.fakes import FakeFleet, one_app


def test_the_fleet_is_told_which_replica() -> None:
    fleet = FakeFleet()
    app = one_app(fleet=fleet)
    drained(app, "demo-0")
    restarted(app, "demo-1")
    assert fleet.told == [("drain", "demo-0"), ("restart", "demo-1")]


def test_one_that_drains_may_be_drained_again_but_not_restarted() -> None:
    fleet = FakeFleet()
    app = one_app(fleet=fleet)
    app.pool.apply(next(iter(app.pool)), Event.DRAIN, time.monotonic())
    assert drained(app, "demo-0")["state"] == "draining"
    with pytest.raises(BadRequest, match="replica demo-0 is draining: only one that is in service"):
        restarted(app, "demo-0")
    assert fleet.told == [("drain", "demo-0")]
