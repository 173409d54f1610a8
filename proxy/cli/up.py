"""tidegate up: serve apps until told to stop."""

from __future__ import annotations

import logging
import resource
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proxy.cli.admin_key import AdminKey, AdminKeyFile
from proxy.cli.admin_key import admin_key as admin_key_of
from proxy.cli.keys import KeysOption
from proxy.cli.log_lines import set_up_logging

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.config import AppConfig


class LogLevel(StrEnum):
    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


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
_LOG_LEVEL = typer.Option(help="Of this level and above is told what happens.")
_REQUEST_LOG = typer.Option("--request-log/--no-request-log", help="At info and below, tell each request in a line.")


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
    log_level: Annotated[LogLevel, _LOG_LEVEL] = LogLevel.info,
    request_log: Annotated[bool, _REQUEST_LOG] = True,
    keys: KeysOption = None,
    admin_key: AdminKey = "",
    admin_key_file: AdminKeyFile = None,
) -> None:
    """Serve apps: replicas are started on demand, limited, balanced and scaled to zero and back."""
    # Imported here: `tidegate check` and --help need none of it.
    import uvloop

    from proxy.app import HardStop, run
    from proxy.config import load_all
    from proxy.control.machine import Offer
    from proxy.net.passage import Audience
    from proxy.wiring import Options

    configs = load_all(apps or [Path()])
    opens = admin_key_of(admin_key, admin_key_file, admin_host)
    log = set_up_logging(log_level)
    progress = log.show if sys.stderr.isatty() else None
    told = request_log and log_level in {LogLevel.debug, LogLevel.info}
    audience = Audience((log,) if told else ())
    _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    for config in configs:
        for warning in (*config.warnings, *_not_followed(config)):
            logging.getLogger("tidegate").warning("%s", warning)
    options = Options(
        backend=backend,
        host=host,
        port=port,
        admin_host=admin_host,
        admin_port=admin_port,
        keep_replicas=keep_replicas,
        offer=Offer(max_cpu, max_memory, max_gpus),
        record=record,
        progress=progress,
        audience=audience,
        admin_key=opens,
        keys=keys,
    )
    try:
        uvloop.run(run(configs, options, _announce))
    except HardStop as stop:
        sys.exit(128 + stop.number)
    finally:
        log.close()


def _announce(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _not_followed(config: AppConfig) -> Iterator[str]:
    """Sentences for settings that are valid, but that this version does not act on."""
    if config.scaling.roll_out_duration_seconds > 0:
        yield (
            f"{config.file}: this version does not follow cerebrium.scaling.roll_out_duration_seconds yet: "
            "a changed configuration needs a restart, which takes effect at once"
        )
