"""The end of telemetry while a collector does not answer."""

from __future__ import annotations

import asyncio
import threading
from typing import cast

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

from proxy.telemetry.signals import Signals
from proxy.telemetry.telemetry import Telemetry


class Silent:
    """An exporter to a collector that does not answer until `answer` is set."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.answer = threading.Event()
        self.waited_in_vain = False

    def export(self, _: object) -> None:
        self.asked.set()
        self.waited_in_vain = not self.answer.wait(20)


def test_an_export_that_hangs_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "1")
    exporter = Silent()
    telemetry = Telemetry(Signals(traces=False, metrics=True))
    telemetry._exporter = cast(OTLPMetricExporter, exporter)
    telemetry.watch(list)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            exporting = tasks.create_task(telemetry.run())
            await asyncio.to_thread(exporter.asked.wait)
            exporting.cancel()

    asyncio.run(scenario())
    exporter.answer.set()
    assert not exporter.waited_in_vain
