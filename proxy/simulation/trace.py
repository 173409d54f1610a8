"""Request traces: when each request came, and how long it was served. CSV or JSON lines."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, takewhile
from pathlib import Path
from typing import NamedTuple

import orjson

from proxy.errors import TraceError

ARRIVAL, SERVICE = "arrival_seconds", "service_seconds"


class Call(NamedTuple):
    """One request: seconds since the beginning of the trace, seconds of service."""

    arrival: float
    service: float


def read_trace(file: Path) -> list[Call]:
    """The requests of a file in the order of their arrival; raises TraceError.

    A line is "arrival,service", after a heading that may name the columns in another order, or
    {"arrival_seconds": …, "service_seconds": …}.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise TraceError(f"{file}: cannot be read: {reason}") from None
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    calls = list(_from_json(lines, file) if first.lstrip().startswith("{") else _from_csv(lines, file))
    if not calls:
        raise TraceError(f"{file}: holds no request: write one a line, as {ARRIVAL},{SERVICE}")
    return sorted(calls)


def busiest(calls: Sequence[Call], seconds: float) -> int:
    """The most requests in service at once within the first seconds, had nobody waited."""
    first = list(takewhile(lambda call: call.arrival < seconds, calls))
    steps = sorted([(call.arrival, 1) for call in first] + [(call.arrival + call.service, -1) for call in first])
    return max(accumulate(step for _, step in steps), default=0)


def _from_json(lines: list[str], file: Path) -> Iterator[Call]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise TraceError(f"{file}, line {number}: is no JSON: {error.msg}") from None
        if not isinstance(document, dict):
            raise TraceError(f"{file}, line {number}: must be an object with {ARRIVAL} and {SERVICE}")
        yield _call(document, file, number)


def _from_csv(lines: list[str], file: Path) -> Iterator[Call]:
    columns: dict[str, int] = {ARRIVAL: 0, SERVICE: 1}
    begun = False
    for number, row in enumerate(csv.reader(lines), start=1):
        if not row or not "".join(row).strip() or row[0].lstrip().startswith("#"):
            continue
        if not begun and not _is_number(row[0]):
            columns = _columns(row, file, number)
        else:
            values = {name: row[place] for name, place in columns.items() if place < len(row)}
            yield _call(values, file, number)
        begun = True


def _columns(row: list[str], file: Path, number: int) -> dict[str, int]:
    names = [name.strip() for name in row]
    for name in (ARRIVAL, SERVICE):
        if name not in names:
            raise TraceError(f"{file}, line {number}: the heading must name the column {name}")
    return {name: names.index(name) for name in (ARRIVAL, SERVICE)}


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _call(values: Mapping[str, object], file: Path, number: int) -> Call:
    return Call(*(_seconds(values.get(name), name, file, number) for name in (ARRIVAL, SERVICE)))


def _seconds(value: object, name: str, file: Path, number: int) -> float:
    try:
        seconds = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        said = "is missing" if value is None else f"is {value!r}"
        raise TraceError(f"{file}, line {number}: {name} {said}: write seconds, 0 or more")
    return seconds
