"""What a replica is told in confidence, kept out of what is shown of its output."""

from __future__ import annotations

import re
from collections.abc import Mapping

HIDDEN = "***"
_NAMES = re.compile("KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|AUTH", re.IGNORECASE)
# Shorter values would hide words that have nothing to do with them.
_LEAST_LENGTH = 6


class Secrets:
    """The values of the variables whose names say that they are secret."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        values = {
            line
            for name, value in environment.items()
            if _NAMES.search(name)
            for line in value.splitlines()
            if len(line) >= _LEAST_LENGTH
        }
        longest_first = sorted(values, key=len, reverse=True)
        self._values = re.compile("|".join(re.escape(value) for value in longest_first)) if values else None

    def hide(self, line: str) -> str:
        return line if self._values is None else self._values.sub(HIDDEN, line)


NONE = Secrets({})
