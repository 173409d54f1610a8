"""The log of requests and responses, which is the loop's and not user code's."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextvars import Context

_SHOWN_BYTES = 1000
# Control characters in what a client sent must not become lines, or colours, of the log.
_PRINTABLE = bytes(byte if byte >= 32 and byte != 127 else 32 for byte in range(256))

# The lines say themselves whose they are.
_NO_RUN = Context()


class Journal:
    """Lines about runs; those of one turn of the loop leave in one write."""

    def __init__(self, requests: bool, responses: bool) -> None:
        self.requests = requests
        self.responses = responses
        self._lines: list[str] = []

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Journal:
        """Both are on, unless DISABLE_REQUEST_LOGS or DISABLE_RESPONSE_LOGS is "true"."""
        off = {name: environment.get(name, "").lower() == "true" for name in _SWITCHES}
        return cls(*(not off[name] for name in _SWITCHES))

    def request(self, run_id: str, line: str, body: bytes | bytearray) -> None:
        if self.requests:
            self._say(f"[{run_id}] {line} {_shown(body)}\n")

    def response(self, run_id: str, status: int, milliseconds: float, body: bytes) -> None:
        if self.responses:
            self._say(f"[{run_id}] {status} in {milliseconds:.1f} ms {_shown(body)}\n")

    def stream(self, run_id: str, items: int, milliseconds: float) -> None:
        if self.responses:
            self._say(f"[{run_id}] {items} items streamed in {milliseconds:.1f} ms\n")

    def _say(self, line: str) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_soon(self.flush, context=_NO_RUN)
        self._lines.append(line)

    def flush(self) -> None:
        lines, self._lines = self._lines, []
        sys.stderr.write("".join(lines))
        sys.stderr.flush()


_SWITCHES = ("DISABLE_REQUEST_LOGS", "DISABLE_RESPONSE_LOGS")


def _shown(body: bytes | bytearray) -> str:
    beginning = body[:_SHOWN_BYTES]
    if 0 in beginning:
        return f"({len(body)} bytes, not text)"
    text = beginning.translate(_PRINTABLE).decode(errors="replace")
    return f"{text}… ({len(body)} bytes)" if len(body) > _SHOWN_BYTES else text
