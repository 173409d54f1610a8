"""The environment that every replica gets."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from proxy.backends.secrets import Secrets

if TYPE_CHECKING:
    from proxy.config import AppConfig


def variables(config: AppConfig, replica_id: str, port: int, build: str) -> dict[str, str]:
    """The user's variables, and over them the ones Tidegate promises."""
    return {
        **config.env,
        "PORT": str(port),
        "MAX_CONCURRENT_TASKS": str(config.scaling.replica_concurrency),
        "APP_NAME": config.name,
        "PROJECT_ID": "local",
        "BUILD_ID": build,
        "REPLICA_ID": replica_id,
        "PYTHONUNBUFFERED": "1",
    }


# What lets somebody act in the proxy's stead. A name that no app has any more still holds what it held.
_OURS = {"TIDEGATE_ADMIN_KEY"}


def withhold(configs: Iterable[AppConfig]) -> None:
    """From now on no replica of any app inherits the variables that these apps name for the proxy alone."""
    for config in configs:
        _OURS.update((config.auth.jwt.secret_env, config.notify.smtp_password_env))


def inherited() -> dict[str, str]:
    """The proxy's own variables, for a process; not those that are withheld."""
    return {name: value for name, value in os.environ.items() if name not in _OURS}


def secrets(config: AppConfig) -> Secrets:
    """Of all that a process of the app is given, by its own settings or by whoever started the proxy."""
    return Secrets(inherited() | dict(config.env))


def build_id(config: AppConfig, content: Iterable[bytes]) -> str:
    """12 hexadecimal digits, the same as long as new replicas would be like the old ones.

    `content` is what a replica is made from beside its settings: the files of the app, or its image.
    """
    custom, hardware = config.custom, config.hardware
    settings = [
        config.name,
        [custom.port, custom.entrypoint] if custom else None,
        [hardware.cpu, hardware.memory_gb, hardware.compute, hardware.gpu_count],
        config.scaling.replica_concurrency,
        sorted(config.env.items()),
    ]
    digest = hashlib.sha256(json.dumps(settings).encode())
    for part in content:
        digest.update(f"\0{len(part)}\0".encode() + part)
    return digest.hexdigest()[:12]
