"""tidegate check: what is wrong with the configuration of apps, without starting anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from proxy.config import inspect, load_all
from proxy.config.document import find
from proxy.errors import ConfigError

Apps = Annotated[list[Path], typer.Argument(metavar="APP", default_factory=lambda: [Path()], show_default=".")]
Strict = Annotated[bool, typer.Option("--strict", help="Warnings are errors.")]


def check(apps: Apps, strict: Strict = False) -> None:
    """Validate configuration: exit 0 if it is clean, 1 if it has errors."""
    errors = warnings = 0
    for app in apps:
        findings = inspect(app)
        _print([f"error: {error}" for error in findings.errors])
        _print([f"warning: {warning}" for warning in findings.warnings])
        if not findings.errors and not findings.warnings:
            _print([f"{find(app)}: ok"])
        errors += len(findings.errors)
        warnings += len(findings.warnings)
    if not errors:
        errors = _same_names(apps)
    raise typer.Exit(1 if errors or (strict and warnings) else 0)


def _print(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line)


def _same_names(apps: list[Path]) -> int:
    try:
        load_all(apps)
    except ConfigError as error:
        _print([f"error: {error}"])
        return 1
    return 0
