"""How far a request has come on its client's side."""

from __future__ import annotations

from enum import Enum, auto


class Phase(Enum):
    NEW = auto()  # waits for the answers before it on its connection
    ROUTING = auto()  # waits for the body, which names the model
    QUEUED = auto()  # waits for a slot
    CALLING = auto()  # a replica has it, or is about to
    DONE = auto()  # answered, or nobody is there to be answered
