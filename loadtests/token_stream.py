"""When the tokens of one streamed chat answer came."""

from __future__ import annotations

import json
from itertools import pairwise

PREFIX = b"data:"
END = b"[DONE]"


class TokenStream:
    """Fed with lines and the time, in seconds since the request was sent. A line that is no event raises ValueError."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.complete = False

    def take(self, line: bytes, now: float) -> None:
        data = line.strip().removeprefix(PREFIX).strip()
        if not line.startswith(PREFIX):
            if data:
                raise ValueError(f"{line[:80]!r} is no event of a chat")
        elif data == END:
            self.complete = True
        elif any(choice.get("delta", {}).get("content") for choice in json.loads(data).get("choices", [])):
            self.times.append(now)

    @property
    def first_seconds(self) -> float | None:
        return self.times[0] if self.times else None

    @property
    def gaps(self) -> list[float]:
        return [later - earlier for earlier, later in pairwise(self.times)]

    @property
    def tokens_per_second(self) -> float | None:
        """Of the whole answer, the wait for its first token included."""
        return len(self.times) / self.times[-1] if self.times and self.times[-1] > 0 else None
