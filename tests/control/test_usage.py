"""What replicas use of their hardware."""

from __future__ import annotations

import errno

import pytest

from proxy.backends.base import Consumption
from proxy.control.usage import UsageMeter
from proxy.metrics import Usage
from tests.control.fakes import Steered, config, steered


@steered(config())
async def test_processor_time_between_two_answers_is_a_share_of_the_cores(app: Steered) -> None:
    meter = UsageMeter(app.lifecycle, app.metrics, cores=2.0)
    meter.note({"a": Consumption(10.0, 500)}, now=100.0)
    assert app.metrics.usage == {"a": Usage(0.0, 500)}
    meter.note({"a": Consumption(13.0, 600)}, now=102.0)
    assert app.metrics.usage == {"a": Usage(0.75, 600)}


@steered(config())
async def test_a_replica_that_is_gone_uses_nothing_and_comes_back_from_nothing(app: Steered) -> None:
    meter = UsageMeter(app.lifecycle, app.metrics, cores=1.0)
    meter.note({"a": Consumption(10.0, 500)}, now=0.0)
    meter.note({}, now=2.0)
    assert app.metrics.usage == {}
    meter.note({"a": Consumption(1.0, 500)}, now=4.0)
    assert app.metrics.usage["a"].cpu_ratio == 0.0


@steered(config())
async def test_the_backend_is_asked_about_every_started_replica(app: Steered) -> None:
    replica, _ = await app.start()
    assert list(await app.lifecycle.consumption()) == [replica.id]


@steered(config())
async def test_what_cannot_be_measured_stays_as_it_was_known(app: Steered) -> None:
    meter = UsageMeter(app.lifecycle, app.metrics, cores=1.0)
    meter.note({"a": Consumption(10.0, 500)}, now=0.0)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(app.lifecycle, "consumption", _out_of_descriptors)
        await meter.measure()
    assert app.metrics.usage["a"].memory_bytes == 500


async def _out_of_descriptors() -> None:
    raise OSError(errno.EMFILE, "Too many open files", "/proc")
