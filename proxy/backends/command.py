"""The command line of a process replica."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from proxy.errors import UserError

if TYPE_CHECKING:
    from proxy.config import AppConfig

_VARIABLE = re.compile(r"\$\{PORT\}|\$PORT(?![A-Za-z0-9_])")
# The function server alone: the proxy itself is the gate and the supervisor of its process replicas.
# -P: the app folder's own "runtime" module must not hide Tidegate's.
FUNCTION_SERVER = ("-P", "-m", "runtime.serve")


def command(config: AppConfig, port: int, python: str) -> tuple[str, ...]:
    """What serves the app on `port`; raises UserError for a custom runtime without an entrypoint."""
    if config.custom is None:
        return (python, *FUNCTION_SERVER)
    if not config.custom.entrypoint:
        raise UserError(
            f"{config.file}: the process backend needs runtime.custom.entrypoint: "
            "add the command that starts the server (only an image has a default one)"
        )
    return tuple(with_port(word, config.custom.port, port) for word in config.custom.entrypoint)


def with_port(word: str, configured: int | None, port: int) -> str:
    """The word with the replica's own port where it names the variable or is, or ends in, the configured port."""
    word = _VARIABLE.sub(str(port), word)
    return word if configured is None else re.sub(rf"(^|[:=]){configured}\Z", rf"\g<1>{port}", word)
