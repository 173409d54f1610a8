"""What one benchmark script found, as a JSON file: all that docs/benchmarks.md is made of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.failure import BenchError
from bench.table import Table


def today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


@dataclass(frozen=True, slots=True)
class Curve:
    """A line of a picture."""

    panel: str
    name: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True, slots=True)
class Result:
    """The tables of one run by name, and what stands below each of them; `faults`, in sentences, are not written."""

    title: str
    command: str
    machine: str
    tables: Mapping[str, Table]
    curves: Sequence[Curve] = ()
    date: str = field(default_factory=today)
    faults: Sequence[str] = ()

    def write(self, file: Path) -> None:
        about = {"title": self.title, "command": self.command, "date": self.date, "machine": self.machine}
        tables = [
            {"name": name, "columns": list(table.header), "rows": list(map(list, table.rows)), "note": table.note}
            for name, table in self.tables.items()
        ]
        document = {**about, "tables": tables, "curves": [asdict(curve) for curve in self.curves]}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")

    @property
    def origin(self) -> str:
        """How, when and where the figures were made, as Markdown."""
        return ", ".join(filter(None, (f"`{self.command}`", self.date))) + (f": {self.machine}" if self.machine else "")


def read(file: Path) -> Result:
    """Raises BenchError if it is not there or holds no result."""
    try:
        said = json.loads(file.read_text())
        tables = {one["name"]: _table(one) for one in said["tables"]}
        curves = [Curve(**one) for one in said.get("curves", ())]
        return Result(said["title"], said["command"], said.get("machine", ""), tables, curves, said.get("date", ""))
    except OSError as error:
        raise BenchError(f"{file} cannot be read ({error.strerror}): make report ONLY={file.stem} writes it") from None
    except (ValueError, KeyError, TypeError) as error:
        raise BenchError(f"{file} holds no result ({error!r}): make report ONLY={file.stem} writes it anew") from None


def _table(said: Mapping[str, object]) -> Table:
    rows, columns = said["rows"], said["columns"]
    if not isinstance(rows, list) or not isinstance(columns, list):
        raise TypeError("rows and columns are lists")
    return Table([str(one) for one in columns], [[str(one) for one in row] for row in rows], str(said.get("note", "")))
