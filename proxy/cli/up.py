"""tidegate up: serve apps until told to stop."""

from __future__ import annotations

import logging
import resource
import sys
from pathlib import Path
from typing import Annotated

import typer

from proxy.cli.log_lines import set_up_logging

_APPS = typer.Argument(help="Folders with a cerebrium.toml, or such files.", metavar="[APP]...")


def _host(value: str) -> str:
    try:
        value.encode("idna")
    except UnicodeError:
        raise typer.BadParameter(f"{value} is no host name or address") from None
    return value


_BACKEND = typer.Option(help="What starts the replicas: process, docker or static.")
_KEEP = typer.Option("--keep-replicas", help="At the end, leave the containers running for the next `tidegate up`.")
_MAX_CPU = typer.Option(min=0, help="Cores that all replicas may take together; without it as many as they want.")
_MAX_MEMORY = typer.Option(min=0, help="GB that all replicas may take together; without it as many as they want.")
_MAX_GPUS = typer.Option(min=0, help="GPUs that all replicas may take together; without it those of this machine.")

_RECORD = typer.Option(help="Write each app's requests as FOLDER/NAME.csv, a trace for simulate.", metavar="FOLDER")

_WATCH = typer.Option("--watch", help="Reload when the files of an app have changed.")


def up(  # noqa: PLR0913, PLR0917 - the options of a command are its parameters
    apps: Annotated[list[Path] | None, _APPS] = None,
    backend: Annotated[str, _BACKEND] = "process",
    host: Annotated[str, typer.Option(callback=_host, help="Address of the data port.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Data port; 0 picks a free one.")] = 8000,
    admin_host: Annotated[str, typer.Option(callback=_host, help="Address of the admin port.")] = "127.0.0.1",
    admin_port: Annotated[int, typer.Option(min=0, max=65535, help="Admin port; 0 picks a free one.")] = 8001,
    keep_replicas: Annotated[bool, _KEEP] = False,
    max_cpu: Annotated[float | None, _MAX_CPU] = None,
    max_memory: Annotated[float | None, _MAX_MEMORY] = None,
    max_gpus: Annotated[int | None, _MAX_GPUS] = None,
    record: Annotated[Path | None, _RECORD] = None,
    watch: Annotated[bool, _WATCH] = False,
) -> None:
    """Serve apps: replicas are started on demand, limited, balanced and scaled to zero and back."""
    # Imported here: `tidegate check` and --help need none of it.
    import uvloop

    from proxy.app import HardStop, run
    from proxy.config import load_all
    from proxy.control.machine import Offer
    from proxy.wiring import Options

    paths = [path.absolute() for path in apps or [Path()]]
    configs = load_all(apps or [Path()])
    progress = set_up_logging()
    _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    for config in configs:
        for warning in config.warnings:
            logging.getLogger("tidegate").warning("%s", warning)
    offer = Offer(max_cpu, max_memory, max_gpus)
    options = Options(backend, host, port, admin_host, admin_port, keep_replicas, offer, record, progress, paths, watch)
    try:
        uvloop.run(run(configs, options, _announce))
    except HardStop as stop:
        sys.exit(128 + stop.number)


def _announce(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
