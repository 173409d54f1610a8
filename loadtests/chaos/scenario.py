"""One way to break things: on what stage, what is done, and how soon all must be well again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from chaos.setting import Setting
from chaos.stage import Stage

SCENARIOS: dict[str, Scenario] = {}


@dataclass(frozen=True, slots=True)
class Scenario:
    """`refusals`: what the proxy may answer itself to requests that no replica had.

    `away`: it may accept nobody for a while. `loses`: requests that a replica has begun may be broken, and be seen to
    be; `breaks`: also those that it has not, for their connection was broken. `short`: in the short run, too.
    """

    name: str
    about: str
    play: Callable[[Stage], Awaitable[None]]
    bound_seconds: float
    setting: Setting = field(default_factory=Setting)
    refusals: frozenset[int] = frozenset()
    loses: bool = False
    breaks: bool = False
    away: bool = False
    short: bool = False
    possible: Callable[[], str] = lambda: ""  # why it cannot be played here, or ""


Play = Callable[[Stage], Awaitable[None]]


def scenario(about: str, bound_seconds: float, **more: object) -> Callable[[Play], Play]:
    """Enter a function, under its own name, into the list."""

    def enter(play: Play) -> Play:
        name = play.__name__.replace("_", "-")
        SCENARIOS[name] = Scenario(name, about, play, bound_seconds, **more)  # type: ignore[arg-type]  # checked there
        return play

    return enter
