"""docs/metrics.md is what the code says; `python -m tests.test_metrics_page` writes it anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import Metric

from proxy.core.autoscaler.decision import CLAMPS
from proxy.core.replica import State
from proxy.metrics import PHASES, SECONDS_BUCKETS, TidegateCollector
from tests.test_metrics import NAMES, full_app

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"
_HEAD = """# Metrics

`GET /metrics` on the admin port is what Prometheus scrapes. It is collected when it is asked for; a request costs a few
additions. [examples/monitoring](../examples/monitoring) has a Grafana dashboard and alert rules made of these.

This page is written from the code by `python -m tests.test_metrics_page`.

| metric | type | labels beside `app` | meaning |
| --- | --- | --- | --- |
"""


def page() -> str:
    rows = "".join(f"| {' | '.join(_cells(metric))} |\n" for metric in TidegateCollector([full_app()]).collect())
    return _HEAD + rows + "\n" + "\n".join(_notes()) + "\n"


def _cells(metric: Metric) -> Iterator[str]:
    name = f"{metric.name}_total" if metric.type == "counter" else metric.name
    labels = {label for sample in metric.samples for label in sample.labels} - {"app", "le"}
    yield from (
        f"`{name}`",
        metric.type,
        ", ".join(f"`{label}`" for label in sorted(labels)) or "–",
        metric.documentation,
    )


def _notes() -> Iterator[str]:
    bounds = ", ".join(f"{bound:g}" for bound in SECONDS_BUCKETS)
    yield f"- The buckets of every histogram end at {bounds} seconds."
    yield f"- `state` is one of {', '.join(state.value for state in State)}."
    yield f"- `phase` is one of {', '.join(PHASES)} (made, started, answers at all, is ready)."
    yield f"- `clamp` is one of {', '.join(clamp or 'none' for clamp in CLAMPS)}."
    yield "- `reason` is as [operations](operations.md#when-replicas-fail) tells."


def test_the_page_says_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_promised_metric_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`{name.removesuffix('_bucket')}`" in text for name in NAMES)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
