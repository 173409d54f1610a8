"""Pictures of results: SVG files that come out the same from the same figures, readable on any background."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.result import Curve, Result
from bench.table import Table

INK, FAINT, PAPER = "#1f2933", "#d5dbe1", "#ffffff"
OURS, OTHERS = "#0b7285", "#a9b4c0"
LINES: Mapping[str, tuple[str, str]] = {
    "the optimum": (INK, "dotted"),
    "HAProxy": ("#e8590c", "dashed"),
    "Tidegate, first-available": (OURS, "solid"),
    "Tidegate, round-robin": ("#15aabf", "solid"),
    "Tidegate, min-connections": ("#4263eb", "solid"),
    "Tidegate, random-choice-2": ("#9775fa", "solid"),
}
STYLE: Any = {  # matplotlib names each of its 300 settings in a type of its own
    "svg.hashsalt": "tidegate",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "figure.facecolor": PAPER,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.constrained_layout.h_pad": 0.08,
}
WIDTH, BAR_HEIGHT, PANEL_HEIGHT = 8.4, 0.27, 0.75  # inches

KEPT = "settings with at most 1 % over 5 s"

Bar = tuple[str, float, str]
"""Label, value, and what is written beside it."""


def draw(result: Result, folder: Path) -> dict[str, Path]:
    """The picture of each table that has one, by the table's name."""
    drawn = {}
    for name, table in result.tables.items():
        make = PICTURES.get(name)
        if make is None:
            continue
        with mpl.rc_context(STYLE):
            figure = make(result, table)
            if figure is None:
                continue
            folder.mkdir(parents=True, exist_ok=True)
            drawn[name] = folder / f"{name}.svg"
            figure.savefig(drawn[name], metadata={"Date": None})
    return drawn


def number(text: str) -> float | None:
    """The first word of a cell; None if it is no figure."""
    try:
        return float(text.split(maxsplit=1)[0].replace(",", ""))
    except (ValueError, IndexError):
        return None


def bars(panels: Mapping[str, Sequence[Bar]], ours: Callable[[str], bool], columns: int = 2) -> Figure:
    """A panel of horizontal bars for each title; `ours` are coloured."""
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    most = max(map(len, panels.values()))
    figure = Figure(figsize=(WIDTH, rows * (PANEL_HEIGHT + BAR_HEIGHT * most)))
    grid = figure.subplots(rows, columns, squeeze=False)
    labels: list[str] = []
    for place, (title, chosen) in enumerate(panels.items()):
        before, labels = labels, [label for label, *_ in chosen]
        axes = grid.flat[place]
        _bar_panel(axes, title, chosen, ours)
        if place % columns and labels == before:  # they stand at the left already
            axes.set_yticklabels([])
    for axes in grid.flat[len(panels) :]:
        axes.axis("off")
    return figure


def _bar_panel(axes: Axes, title: str, chosen: Sequence[Bar], ours: Callable[[str], bool]) -> None:
    labels, values, texts = zip(*reversed(chosen), strict=True)
    places = range(len(labels))
    drawn = axes.barh(places, values, height=0.72, color=[OURS if ours(label) else OTHERS for label in labels])
    axes.set_yticks(places, labels)
    axes.bar_label(drawn, texts, padding=3, fontsize=8.5, color=INK)
    axes.set_title(title)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.set_xlim(0, 1.22 * max(values) or 1)


def columns_as_panels(names: Mapping[str, str], result: Result, table: Table) -> Figure | None:
    """A panel for each column that is named, with its title."""
    panels = {title: list(_bars(table, column, table.rows)) for column, title in names.items()}
    return bars(panels, _is_ours) if all(panels.values()) else None


def groups_as_panels(by: int, column: str, _: Result, table: Table) -> Figure | None:
    """A panel for each value of the first or second column, with bars named by the other of them."""
    groups = dict.fromkeys(row[by] for row in table.rows)
    panels = {
        f"{group}: {column}": list(_bars(table, column, [row for row in table.rows if row[by] == group], label=1 - by))
        for group in groups
    }
    return bars(panels, _is_ours) if panels and all(panels.values()) else None


def _bars(table: Table, column: str, rows: Iterable[Sequence[str]], label: int = 0) -> Iterable[Bar]:
    place = list(table.header).index(column)
    for row in rows:
        value = number(row[place])
        if value is not None:
            yield row[label].replace("`", ""), value, row[place]


def _is_ours(label: str) -> bool:
    return label.startswith(("Tidegate", "tidegate", "function server", "target", "objective", "load-thresholds"))


def cold_starts(_: Result, table: Table) -> Figure | None:
    """What the whole takes, and what of it is Tidegate's own."""
    panels = {
        title: [
            (f"{label}, {row[0]}", value, text) for row, (label, value, text) in _with_rows(table, column) if value > 0
        ]
        for column, title in (("cold start ms", "cold start, ms"), ("added ms", "ready to the first request, ms"))
    }
    return bars(panels, lambda _: True, columns=1) if all(panels.values()) else None


def _with_rows(table: Table, column: str) -> Iterable[tuple[Sequence[str], Bar]]:
    for row in table.rows:
        yield from ((row, bar) for bar in _bars(table, column, [row], label=1))


def recoveries(_: Result, table: Table) -> Figure | None:
    """The seconds until all was well again after each fault."""
    chosen = [bar for bar in _bars(table, "recovery s", table.rows) if bar[1] > 0]
    return bars({"seconds until all was well again": chosen}, lambda _: True) if chosen else None


def tails(result: Result, _: Table) -> Figure | None:
    """The share of requests that waited longer, a panel for each kind of service time."""
    panels: dict[str, list[Curve]] = {}
    for curve in result.curves:
        panels.setdefault(curve.panel, []).append(curve)
    if not panels:
        return None
    figure = Figure(figsize=(WIDTH, 3.6))
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)
    for axes, (title, curves) in zip(grid.flat, panels.items(), strict=True):
        for curve in curves:
            colour, style = LINES.get(curve.name, (OTHERS, "solid"))
            dotted = style == "dotted"
            axes.plot(
                curve.x,
                curve.y,
                label=curve.name,
                color=colour,
                linestyle=style,
                linewidth=2.4 if dotted else 1.3,
                zorder=5 if dotted else 2,
            )
        axes.set_yscale("log")
        axes.set_title(f"{title} service times")
        axes.set_xlabel("ms in line")
        axes.set_xlim(left=0)
        axes.grid(visible=True)
    grid[0, 0].set_ylabel("share that waited longer")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    return figure


PICTURES: Mapping[str, Callable[[Result, Table], Figure | None]] = {
    "small": partial(columns_as_panels, {"CPU µs per request": "CPU µs per request", "p50 ms": "median answer, ms"}),
    "streams": partial(
        columns_as_panels, {"CPU µs per event": "CPU µs per event", "p99 ms": "age of an event, p99 ms"}
    ),
    "bodies": partial(groups_as_panels, 0, "CPU ms per 100 MiB"),
    "memory": partial(columns_as_panels, {"MiB per 1,000 idle connections": "MiB per 1,000 idle connections"}),
    "runtime": partial(groups_as_panels, 1, "requests/s"),
    "scheduling": tails,
    "cold-start": cold_starts,
    "scaling": partial(columns_as_panels, {"mean cost ×": "cost, × the zero-wait oracle", KEPT: KEPT}),
    "faults": recoveries,
}
