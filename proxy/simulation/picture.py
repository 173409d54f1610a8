"""Pictures of a run: bars of text for a terminal, and an SVG of demand, replicas and waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape

from proxy.simulation.ledger import Moment
from proxy.simulation.outcome import Outcome

_BARS = " ▁▂▃▄▅▆▇█"
_COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f")
_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 900, 170, 60, 40, 45
_POINTS = 450

Value = Callable[[Moment], float]
_PANELS: tuple[tuple[str, Value], ...] = (
    ("replicas, starting and draining ones too", lambda moment: moment.replicas),
    ("requests waiting", lambda moment: moment.waiting),
    ("demand: requests in service or waiting", lambda moment: moment.demand),
)


def bars(outcome: Outcome, width: int = 60) -> str:
    """The number of replicas over time, the highest as a full bar."""
    values = [value for _, value in _peaks(outcome.moments, lambda moment: moment.replicas, width)]
    most = max(values, default=0.0)
    return "".join(_BARS[round(8 * value / most)] if most else " " for value in values)


def svg(outcomes: Sequence[Outcome]) -> str:
    """All settings in each of the panels, in colours that the legend names."""
    height = _TOP + len(_PANELS) * (_HEIGHT + _GAP)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 20} {height}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        *_legend(outcomes),
    ]
    for place, (title, value) in enumerate(_PANELS):
        lines += _panel(outcomes, title, value, _TOP + place * (_HEIGHT + _GAP))
    return "\n".join([*lines, "</svg>", ""])


def _legend(outcomes: Sequence[Outcome]) -> Iterator[str]:
    left = _LEFT
    for place, outcome in enumerate(outcomes):
        yield f'<rect x="{left}" y="8" width="12" height="12" fill="{_colour(place)}"/>'
        yield f'<text x="{left + 16}" y="18">{escape(outcome.name)}</text>'
        left += 40 + 7 * len(outcome.name)


def _panel(outcomes: Sequence[Outcome], title: str, value: Value, top: float) -> Iterator[str]:
    curves = [list(_peaks(outcome.moments, value, _POINTS)) for outcome in outcomes]
    most = max((high for curve in curves for _, high in curve), default=0.0) or 1.0
    end = max((at for curve in curves for at, _ in curve), default=0.0) or 1.0
    bottom = top + _HEIGHT
    yield f'<text x="{_LEFT}" y="{top - 5:g}" font-weight="bold">{title}</text>'
    yield f'<path d="M{_LEFT} {top:g}V{bottom:g}H{_LEFT + _WIDTH}" stroke="#888" fill="none"/>'
    yield f'<text x="{_LEFT - 6}" y="{top + 10:g}" text-anchor="end">{most:g}</text>'
    yield f'<text x="{_LEFT - 6}" y="{bottom:g}" text-anchor="end">0</text>'
    yield f'<text x="{_LEFT + _WIDTH}" y="{bottom + 14:g}" text-anchor="end">{end:.0f} s</text>'
    for place, curve in enumerate(curves):
        points = " ".join(f"{_LEFT + _WIDTH * at / end:.1f},{bottom - _HEIGHT * high / most:.1f}" for at, high in curve)
        yield f'<polyline points="{points}" fill="none" stroke="{_colour(place)}" stroke-width="1.2"/>'


def _peaks(moments: Sequence[Moment], value: Value, count: int) -> Iterator[tuple[float, float]]:
    """At most `count` points, each the highest of its stretch of time."""
    step = max(1, -(-len(moments) // count))
    for first in range(0, len(moments), step):
        stretch = moments[first : first + step]
        yield stretch[0].at, max(map(value, stretch))


def _colour(place: int) -> str:
    return _COLOURS[place % len(_COLOURS)]
