"""cerebrium.toml → frozen settings, validated once."""

from proxy.config.app import AppConfig, Findings, inspect, load, load_all, parse
from proxy.config.cerebrium import CustomRuntime, Dependencies, Deployment, Hardware
from proxy.config.schedule import ScheduleRule
from proxy.config.tidegate import (
    Docker,
    Drain,
    Limits,
    Probes,
    Process,
    Queue,
    Routing,
    Scaling,
    Static,
    Timeouts,
)

__all__ = [
    "AppConfig",
    "CustomRuntime",
    "Dependencies",
    "Deployment",
    "Docker",
    "Drain",
    "Findings",
    "Hardware",
    "Limits",
    "Probes",
    "Process",
    "Queue",
    "Routing",
    "Scaling",
    "ScheduleRule",
    "Static",
    "Timeouts",
    "inspect",
    "load",
    "load_all",
    "parse",
]
