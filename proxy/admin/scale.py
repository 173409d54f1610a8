"""A scale request: what an operator may set by hand, and why not."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from proxy.admin.apps import AdminApp
from proxy.admin.views import Document, limits_view
from proxy.config import Scaling
from proxy.config.cerebrium import RESOURCE_METRICS
from proxy.core.autoscaler.limits import Override
from proxy.errors import BadRequest

_KEYS = ("min_replicas", "max_replicas")


def scaled(app: AdminApp, body: bytes) -> Document:
    """The app's limits after a scale request; raises BadRequest."""
    if app.backend == "static":
        raise BadRequest(
            f"{app.config.name} has the static backend: its replicas are those of tidegate.static.replicas"
        )
    app.scaler.scale(parse_override(body, app.config.scaling, app.scaler.override))
    return limits_view(app)


def parse_override(body: bytes, settings: Scaling, current: Override) -> Override:
    """The override after a request: a number sets a limit, null clears it, a missing key leaves it; or BadRequest."""
    given = _object(body)
    for key in given:
        if key not in _KEYS:
            raise BadRequest(f"{key} is not known: give min_replicas, max_replicas or both")
    values = {key: _limit(settings, key, given[key]) for key in given}
    override = Override(
        values.get("min_replicas", current.min_replicas), values.get("max_replicas", current.max_replicas)
    )
    _check_order(override, settings)
    return override


def _object(body: bytes) -> Mapping[str, object]:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict) or not given:
        raise BadRequest('the body must be a JSON object such as {"min_replicas": 2, "max_replicas": 8}; null clears')
    return given


def _limit(settings: Scaling, key: str, value: object) -> int | None:
    """Raises BadRequest if `value` is out of the range that the key has in a file."""
    if value is None:
        return None
    lowest = 1 if key == "max_replicas" or settings.metric in RESOURCE_METRICS else 0
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= 2000:
        raise BadRequest(f"{key} must be a whole number from {lowest} to 2000, or null to clear it")
    return value


def _check_order(override: Override, settings: Scaling) -> None:
    least, most = override.min_replicas, override.max_replicas
    if least is not None and most is not None and least > most:
        raise BadRequest(f"min_replicas {least} is above max_replicas {most}")
    if least is not None and most is None and least > settings.max_replicas:
        raise BadRequest(f"min_replicas {least} is above the app's max_replicas {settings.max_replicas}: give both")
    if most is not None and least is None and most < settings.min_replicas:
        raise BadRequest(f"max_replicas {most} is below the app's min_replicas {settings.min_replicas}: give both")
