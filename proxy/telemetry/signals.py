"""Which telemetry is wanted: the command line, and OpenTelemetry's own environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from proxy.errors import UserError

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = {
    "traces": ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"),
    "metrics": ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"),
}
_PROTOCOL = "http/protobuf"


@dataclass(frozen=True, slots=True)
class Signals:
    """What is exported."""

    traces: bool
    metrics: bool


def wanted(otel: bool | None, otel_metrics: bool, environ: Mapping[str, str]) -> Signals:
    """`otel` None leaves it to the environment. Raises UserError for what cannot be exported.

    Traces: --otel, or an endpoint in the environment; metrics: --otel-metrics, or OTEL_METRICS_EXPORTER=otlp.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or otel is False:
        return Signals(traces=False, metrics=False)
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip() or "otlp"
    traces = (otel or any(environ.get(name, "").strip() for name in _ENDPOINTS)) and exporter != "none"
    if traces and exporter != "otlp":
        raise UserError(f'OTEL_TRACES_EXPORTER is "{exporter}", but only otlp and none are known here: set one of them')
    metrics = otel_metrics or environ.get("OTEL_METRICS_EXPORTER", "").strip() == "otlp"
    signals = Signals(bool(traces), metrics)
    _check_protocols(signals, environ)
    return signals


def _check_protocols(signals: Signals, environ: Mapping[str, str]) -> None:
    for signal in (name for name in _PROTOCOLS if getattr(signals, name)):
        variable = next((name for name in _PROTOCOLS[signal] if environ.get(name, "").strip()), None)
        if variable is not None and environ[variable].strip() != _PROTOCOL:
            raise UserError(
                f'{variable} is "{environ[variable].strip()}", but only {_PROTOCOL} is spoken here: '
                "set it so, with the collector's HTTP port (4318 by default)"
            )
