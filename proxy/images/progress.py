"""What a build says while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Progress:
    """A step begins, says a line, or ends; `text` is the step's title, or the line."""

    event: Literal["begins", "says", "ends"]
    text: str

    def __str__(self) -> str:
        return f"  {self.text}" if self.event == "says" else self.text


Report = Callable[[Progress], None]
