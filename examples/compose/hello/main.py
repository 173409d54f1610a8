"""A function whose replicas are containers."""

import platform


def hello(name: str = "world") -> dict[str, str]:
    return {"greeting": f"Hello, {name}!", "container": platform.node()}
