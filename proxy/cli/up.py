"""tidegate up: serve apps until told to stop."""

from __future__ import annotations

import gc
import logging
import os
import resource
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proxy.cli import access
from proxy.cli.keys import KeysOption
from proxy.cli.log_lines import set_up_logging
from proxy.errors import UserError

if TYPE_CHECKING:
    from proxy.telemetry.telemetry import Telemetry


class LogLevel(StrEnum):
    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


class BackendName(StrEnum):
    process = "process"
    docker = "docker"
    static = "static"


_APPS = typer.Argument(help="Folders with a cerebrium.toml, or such files.", metavar="[APP]...")


def _host(value: str) -> str:
    try:
        value.encode("idna")
    except UnicodeError:
        raise typer.BadParameter(f"{value} is no host name or address") from None
    return value


_BACKEND = typer.Option(help="What starts the replicas.")
_KEEP = typer.Option("--keep-replicas", help="At the end, leave the containers running for the next `tidegate up`.")
_MAX_CPU = typer.Option(min=0, help="Cores that all replicas may take together; without it as many as they want.")
_MAX_MEMORY = typer.Option(min=0, help="GB that all replicas may take together; without it as many as they want.")
_MAX_GPUS = typer.Option(min=0, help="GPUs that all replicas may take together; without it those of this machine.")

_RECORD = typer.Option(help="Write each app's requests as FOLDER/NAME.csv, a trace for simulate.", metavar="FOLDER")
_LOG_LEVEL = typer.Option(help="Of this level and above is told what happens.")
_REQUEST_LOG = typer.Option("--request-log/--no-request-log", help="At info and below, tell each request in a line.")
_OTEL = typer.Option(
    "--otel/--no-otel",
    help="Export traces by OTLP; without it only where OTEL_EXPORTER_OTLP_ENDPOINT is set.",
    show_default=False,
)
_OTEL_METRICS = typer.Option("--otel-metrics", help="Export metrics by OTLP, under Cerebrium's names.")

_WATCH = typer.Option("--watch", help="Reload when the files of an app have changed.")


def up(  # noqa: PLR0913, PLR0917 - the options of a command are its parameters
    apps: Annotated[list[Path] | None, _APPS] = None,
    backend: Annotated[BackendName, _BACKEND] = BackendName.process,
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
    otel: Annotated[bool | None, _OTEL] = None,
    otel_metrics: Annotated[bool, _OTEL_METRICS] = False,
    keys: KeysOption = None,
    admin_key: access.AdminKey = "",
    admin_key_file: access.AdminKeyFile = None,
    tls_cert: access.TlsCert = None,
    tls_key: access.TlsKey = None,
    admin_tls: access.AdminTls = False,
    watch: Annotated[bool, _WATCH] = False,
) -> None:
    """Serve apps: replicas are started on demand, limited, balanced and scaled to zero and back."""
    # Imported here: `tidegate check` and --help need none of it.
    import uvloop

    from proxy.app import HardStop, run
    from proxy.config import load_all
    from proxy.control.machine import Offer
    from proxy.net.passage import Audience
    from proxy.wiring import Access, Options

    paths = [path.absolute() for path in apps or [Path()]]
    configs = load_all(apps or [Path()])
    opens = access.admin_key(admin_key, admin_key_file, admin_host)
    allowed = Access(keys, opens, access.certificate(tls_cert, tls_key, admin_tls), admin_tls)
    telemetry = _telemetry(otel, otel_metrics)
    log = set_up_logging(log_level)
    progress = log.show if sys.stderr.isatty() else None
    told = request_log and log_level in {LogLevel.debug, LogLevel.info}
    audience = Audience((log,) if told else ())
    _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    for config in configs:
        for warning in config.warnings:
            logging.getLogger("tidegate").warning("%s", warning)
    if exposed := access.in_the_clear(opens, admin_host, admin_tls):
        logging.getLogger("tidegate").warning("%s", exposed)
    options = Options(
        backend=backend.value,
        host=host,
        port=port,
        admin_host=admin_host,
        admin_port=admin_port,
        keep_replicas=keep_replicas,
        offer=Offer(max_cpu, max_memory, max_gpus),
        record=record,
        progress=progress,
        audience=audience,
        access=allowed,
        paths=paths,
        watch=watch,
        telemetry=telemetry,
    )
    gc.freeze()  # what has been imported stays: a collection that looked at all of it would hold up every request
    try:
        uvloop.run(run(configs, options, _announce))
    except HardStop as stop:
        sys.exit(128 + stop.number)
    finally:
        log.close()


def _telemetry(otel: bool | None, otel_metrics: bool) -> Telemetry | None:
    """Raises UserError if it is wanted and cannot be."""
    from proxy.telemetry.signals import wanted

    signals = wanted(otel, otel_metrics, os.environ)
    if not (signals.traces or signals.metrics):
        return None
    try:
        from proxy.telemetry.telemetry import Telemetry
    except ImportError:
        raise UserError(
            "telemetry is wanted (--otel, --otel-metrics, OTEL_*), but the packages for it are not installed: "
            "run pip install 'tidegate[otel]', or do without by --no-otel"
        ) from None
    try:
        return Telemetry(signals)
    except ValueError as error:
        raise UserError(f"OpenTelemetry's environment variables cannot be used: {error}") from None


def _announce(line: str) -> None:
    """On stdout; one that is full or not read any more ends nothing."""
    try:
        os.write(sys.stdout.fileno(), f"{line}\n".encode())  # past its buffer, which would fail again at the end
    except OSError as error:
        logging.getLogger("tidegate").warning("stdout cannot be written (%s): %s", error.strerror, line)
