"""tidegate up: serve apps until told to stop."""

from __future__ import annotations

import logging
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proxy.cli import access
from proxy.cli.keys import KeysOption
from proxy.cli.log_lines import set_up_logging

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.config import AppConfig

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
    keys: KeysOption = None,
    admin_key: access.AdminKey = "",
    admin_key_file: access.AdminKeyFile = None,
    tls_cert: access.TlsCert = None,
    tls_key: access.TlsKey = None,
    admin_tls: access.AdminTls = False,
) -> None:
    """Serve apps: replicas are started on demand, limited, balanced and scaled to zero and back."""
    # Imported here: `tidegate check` and --help need none of it.
    import uvloop

    from proxy.app import HardStop, run
    from proxy.config import load_all
    from proxy.control.machine import Offer
    from proxy.wiring import Access, Options

    configs = load_all(apps or [Path()])
    opens = access.admin_key(admin_key, admin_key_file, admin_host)
    allowed = Access(keys, opens, access.certificate(tls_cert, tls_key, admin_tls), admin_tls)
    progress = set_up_logging()
    _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    for config in configs:
        for warning in (*config.warnings, *_not_followed(config)):
            logging.getLogger("tidegate").warning("%s", warning)
    if exposed := access.in_the_clear(opens, admin_host, admin_tls):
        logging.getLogger("tidegate").warning("%s", exposed)
    offer = Offer(max_cpu, max_memory, max_gpus)
    options = Options(backend, host, port, admin_host, admin_port, keep_replicas, offer, record, progress, allowed)
    try:
        uvloop.run(run(configs, options, _announce))
    except HardStop as stop:
        sys.exit(128 + stop.number)


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
