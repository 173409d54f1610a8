"""Apps for the tests of the backends."""

from __future__ import annotations

from pathlib import Path

from proxy.config import AppConfig, parse


def app(folder: Path, toml: str = "") -> AppConfig:
    return parse(f'[cerebrium.deployment]\nname = "demo"\n{toml}', folder / "cerebrium.toml")
