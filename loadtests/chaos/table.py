"""The table of a run, for a person and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from chaos.invariants import Finding

COLUMNS = (
    "scenario",
    "requests",
    "refused",
    "lost begun",
    "lost not begun",
    "over limit",
    "leaked slots",
    "leaked tasks",
    "leaked descriptors",
    "leaked replicas",
    "recovery s",
    "bound s",
    "verdict",
)


def row(finding: Finding) -> list[str | int | float]:
    leaked = [finding.leaks(what) for what in ("slots", "tasks", "descriptors", "replicas")]
    counts = [
        finding.requests,
        finding.refused,
        finding.lost_begun,
        finding.lost_not_begun,
        finding.over_limit,
        *leaked,
    ]
    return [finding.scenario, *counts, round(finding.recovery_seconds, 2), finding.bound_seconds, finding.verdict]


def text(findings: Sequence[Finding]) -> str:
    rows = [list(COLUMNS), *([str(cell) for cell in row(one)] for one in findings)]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in rows]
    for one in findings:
        lines += [f"{one.scenario}: {fault}" for fault in one.faults]
        lines += [f"{one.scenario}: skipped, {one.skipped}"] if one.skipped else []
    return "\n".join(lines)


def write_json(path: Path, findings: Sequence[Finding], command: str) -> None:
    table = {"name": "faults", "columns": COLUMNS, "rows": [row(one) for one in findings]}
    path.write_text(json.dumps({"title": "Faults", "command": command, "tables": [table]}, indent=1) + "\n")
