"""What switches telemetry on and off."""

from __future__ import annotations

import pytest

from proxy.errors import UserError
from proxy.telemetry.signals import Signals, wanted

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
NOTHING, TRACES = Signals(False, False), Signals(True, False)


@pytest.mark.parametrize(
    ("otel", "environ", "signals"),
    [
        (None, {}, NOTHING),
        (True, {}, TRACES),
        (None, ENDPOINT, TRACES),
        (None, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, TRACES),
        (None, {"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, NOTHING),
        (False, ENDPOINT, NOTHING),
        (True, {"OTEL_SDK_DISABLED": "true"}, NOTHING),
        (None, {**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, NOTHING),
        (None, {**ENDPOINT, "OTEL_METRICS_EXPORTER": "otlp"}, Signals(True, True)),
        (None, {"OTEL_METRICS_EXPORTER": "otlp"}, Signals(False, True)),
        (None, {**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, TRACES),
    ],
)
def test_traces_follow_the_option_and_then_the_environment(
    otel: bool | None, environ: dict[str, str], signals: Signals
) -> None:
    assert wanted(otel, False, environ) == signals


def test_metrics_have_an_option_of_their_own() -> None:
    assert wanted(None, True, {}) == Signals(False, True)


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, 'OTEL_EXPORTER_OTLP_PROTOCOL is "grpc", but only http/protobuf'),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, 'OTEL_TRACES_EXPORTER is "zipkin", but only otlp and none'),
    ],
)
def test_what_cannot_be_exported_is_a_sentence(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        wanted(True, False, environ)
