"""The environment that every replica gets."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.config import AppConfig

_BUILD_FILES = ("*.py", "*.toml")


def variables(config: AppConfig, replica_id: str, port: int) -> dict[str, str]:
    """The user's variables, and over them the ones Tidegate promises."""
    return {
        **config.env,
        "PORT": str(port),
        "MAX_CONCURRENT_TASKS": str(config.scaling.replica_concurrency),
        "APP_NAME": config.name,
        "PROJECT_ID": "local",
        "BUILD_ID": build_id(config.folder),
        "REPLICA_ID": replica_id,
        "PYTHONUNBUFFERED": "1",
    }


def inherited(config: AppConfig) -> dict[str, str]:
    """The proxy's own, for a process; not the secrets that let somebody act in its stead."""
    ours = {"TIDEGATE_ADMIN_KEY", config.auth.jwt.secret_env, config.notify.smtp_password_env}
    return {name: value for name, value in os.environ.items() if name not in ours}


def build_id(folder: Path) -> str:
    """12 hexadecimal digits, the same as long as the *.py and *.toml files directly in the app's folder are."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _BUILD_FILES for path in folder.glob(pattern) if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]
