"""What the proxy says of a request's time in the field server-timing."""

from __future__ import annotations


def durations(field: str) -> dict[str, float]:
    """Milliseconds by name: "queue;dur=1.5, replica;dur=20" (W3C Server Timing)."""
    found: dict[str, float] = {}
    for metric in field.split(","):
        name, *parameters = (word.strip() for word in metric.split(";"))
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key == "dur":
                found[name] = float(value)
    return found
