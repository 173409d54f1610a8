"""tidegate build: the images of apps."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from proxy.config import AppConfig
    from proxy.images.progress import Progress, Report

_APPS = typer.Argument(help="Folders with a cerebrium.toml, or such files.", metavar="[APP]...")
_ANEW = typer.Option("--no-cache", help="Run every step again, also if nothing has changed.")
_ERASE_LINE = "\r\x1b[2K"


def build(
    apps: Annotated[list[Path] | None, _APPS] = None,
    no_cache: Annotated[bool, _ANEW] = False,
) -> None:
    """Build the images of apps for the docker backend: one tag a line on stdout, progress on stderr."""
    from proxy.config import load_all

    configs = load_all(apps or [Path()])
    for config in configs:
        for warning in config.warnings:
            sys.stderr.write(f"warning: {warning}\n")
    try:
        asyncio.run(_build_all(configs, no_cache))
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        sys.exit(130)


async def _build_all(configs: tuple[AppConfig, ...], anew: bool) -> None:
    from proxy.engine.connection import connect
    from proxy.images.image import build_image

    async with connect() as docker:
        for config in configs:
            if config.docker.image:
                sys.stderr.write(f"{config.name}: tidegate.docker.image is set: there is nothing to build\n")
                tag = config.docker.image
            else:
                tag = await build_image(docker, config, reporter(config.name), anew)
            sys.stdout.write(f"{tag}\n")
            sys.stdout.flush()


def reporter(app: str) -> Report:
    """Prints progress to stderr: on a terminal a step's output is one line that changes, otherwise all of it stays."""
    terminal = sys.stderr.isatty()
    width = shutil.get_terminal_size().columns

    def report(progress: Progress) -> None:
        if not terminal:
            sys.stderr.write(f"{app}: {progress}\n")
        elif progress.event == "ends":
            sys.stderr.write(f"{_ERASE_LINE}{app}: {progress}\n")
        else:
            sys.stderr.write(f"{_ERASE_LINE}{f'{app}: {progress}'[: width - 1]}")
        sys.stderr.flush()

    return report
