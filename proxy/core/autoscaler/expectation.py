"""What expected demand wants: replicas that are ready when it comes."""

from __future__ import annotations

from proxy.config import Scaling
from proxy.core.autoscaler.decision import Term
from proxy.core.autoscaler.forecast import Forecast
from proxy.core.autoscaler.metric import round_up


def forecast_term(settings: Scaling, forecast: Forecast) -> Term:
    """By the target of the metric; with metrics of the hardware a replica is expected to fill its slots."""
    expected, each, unit = forecast.demand, float(settings.replica_concurrency), "requests at once"
    if settings.metric == "requests_per_second":
        expected, each, unit = forecast.requests_per_second, settings.target, "requests per second"
    elif settings.metric == "concurrency_utilization":
        each *= settings.target / 100
    days = "1 day" if forecast.days == 1 else f"{forecast.days} days"
    why = (
        f"{expected:.2f} {unit} expected within {forecast.ahead_seconds:.0f} s, from {days} of history, "
        f"÷ {each:g} per replica"
    )
    if forecast.came < 1:
        why += f"; only {forecast.came * 100:.0f} % of what was expected of the last minutes came"
    return Term("forecast", round_up(expected / each), why)
