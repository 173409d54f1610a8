"""Rows of locust's own table for what the proxy says: QUEUE, a wait for a slot, COLD, one for a start; and failures."""

from __future__ import annotations

from locust.contrib.fasthttp import FastResponse
from locust.env import Environment
from server_timing import durations


def tell_queue(environment: Environment, response: FastResponse) -> None:
    field = response.headers.get("server-timing") if response.headers else None
    said = durations(str(field or ""))
    for kind, name, key in (("QUEUE", "wait for a slot", "queue"), ("COLD", "wait for a start", "cold")):
        if key in said:
            tell(environment, kind, name, said[key])


def failed(response: FastResponse) -> str:
    """What a request was answered that should have been answered 200."""
    if response.status_code:
        return f"{response.status_code}: {(response.text or 'nothing')[:200]}"
    return f"no answer: {getattr(response, 'error', None) or 'the connection ended'}"


def tell(environment: Environment, kind: str, name: str, value: float, length: int = 0) -> None:
    """A row of its own: `value` in milliseconds."""
    environment.events.request.fire(
        request_type=kind, name=name, response_time=value, response_length=length, exception=None, context={}
    )
