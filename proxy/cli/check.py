"""tidegate check: what is wrong with the configuration of apps, without starting anything."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from proxy.config import Findings, inspect, load_all
from proxy.config.document import find
from proxy.errors import ConfigError

Apps = Annotated[list[Path], typer.Argument(metavar="APP", default_factory=lambda: [Path()], show_default=".")]
Strict = Annotated[bool, typer.Option("--strict", help="Warnings are errors.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


def check(apps: Apps, strict: Strict = False, as_json: AsJson = False) -> None:
    """Validate configuration: exit 0 if it is clean, 1 if it has errors."""
    found = [(app, inspect(app)) for app in apps]
    twice = [] if any(findings.errors for _, findings in found) else _same_names(apps)
    if as_json:
        typer.echo(json.dumps([_document(app, findings, twice) for app, findings in found], indent=2))
    else:
        for line in _lines(found, twice):
            typer.echo(line)
    bad = twice or any(findings.errors or (strict and findings.warnings) for _, findings in found)
    raise typer.Exit(1 if bad else 0)


def _lines(found: Sequence[tuple[Path, Findings]], twice: Sequence[str]) -> Iterator[str]:
    for app, findings in found:
        yield from (typer.style("error: ", fg="red") + error for error in findings.errors)
        yield from (typer.style("warning: ", fg="yellow") + warning for warning in findings.warnings)
        if not findings.errors and not findings.warnings:
            yield f"{find(app)}: {typer.style('ok', fg='green')}"
    yield from (typer.style("error: ", fg="red") + error for error in twice)


def _document(app: Path, findings: Findings, twice: Sequence[str]) -> dict[str, object]:
    return {"app": str(app), "errors": [*findings.errors, *twice], "warnings": list(findings.warnings)}


def _same_names(apps: Sequence[Path]) -> list[str]:
    try:
        load_all(apps)
    except ConfigError as error:
        return [str(error)]
    return []
