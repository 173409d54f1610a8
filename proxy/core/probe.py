"""What a replica's answer to a probe means, and how soon a starting one is asked again."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

_FASTEST_SECONDS = 0.005
SLOWEST_START_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Answer:
    """`passed`: yes. `silent`: no answer in time, which is no "no": the replica may only be busy.

    `spoken`: its server answered, whatever it said. `unasked`: the question could not even be put, for a shortage on
    our side, so that nothing is known.
    """

    passed: bool
    text: str
    silent: bool = False
    spoken: bool = False
    unasked: bool = False


def judge(path: str, status: int, body: bytes) -> Answer:
    """2xx is a yes, unless the body is JSON that says `"ready": false`."""
    text = f"{path} answered {status}"
    if not 200 <= status < 300:
        said = _first_line(body)
        return Answer(False, f"{text}: {said}" if said else text, spoken=True)
    if _says_not_ready(body):
        return Answer(False, f'{text}, but says "ready": false', spoken=True)
    return Answer(True, text, spoken=True)


def start_pause_seconds(age_seconds: float, slowest: float = SLOWEST_START_SECONDS) -> float:
    """How long to wait before asking a starting replica again: 5 ms for a young one, 50 ms for an old one."""
    return min(slowest, max(_FASTEST_SECONDS, age_seconds / 50))


def _says_not_ready(body: bytes) -> bool:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(document, dict) and document.get("ready") is False


def _first_line(body: bytes) -> str:
    lines = body.decode(errors="replace").strip().splitlines()
    return lines[0][:200] if lines else ""
