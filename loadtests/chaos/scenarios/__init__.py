"""Every scenario; to import this package is to have the whole list, in the order in which it is played."""

from chaos.scenarios import replicas, connections, readiness, proxies, clients, machine, calls, engine  # noqa: I001 - that order

__all__ = ["calls", "clients", "connections", "engine", "machine", "proxies", "readiness", "replicas"]
