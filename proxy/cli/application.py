"""The commands and what they share."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import typer

from proxy.cli.build import build
from proxy.cli.check import check
from proxy.cli.entrypoint import runtime
from proxy.cli.explain import explain
from proxy.cli.keys import keys
from proxy.cli.logs import logs
from proxy.cli.ps import ps
from proxy.cli.reload import reload
from proxy.cli.replica import drain, restart
from proxy.cli.scale import scale
from proxy.cli.simulate import simulate
from proxy.cli.top import top
from proxy.cli.up import up

_HELP = """Reverse proxy, autoscaler and container entrypoint for model servers.

Begin with `tidegate up` in a folder with a cerebrium.toml; its dashboard is at http://127.0.0.1:8001."""
_SERVE, _LOOK, _STEER = "Serve and try", "See what a running up does", "Change what a running up does"

application = typer.Typer(
    name="tidegate",
    help=_HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    _SERVE: (up, check, build, simulate),
    _LOOK: (ps, top, logs, explain),
    _STEER: (scale, drain, restart, reload),
}


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tidegate {version('tidegate')}")
        raise typer.Exit


@application.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None: ...


for panel, commands in _PANELS.items():
    for command in commands:
        application.command(rich_help_panel=panel)(command)
application.add_typer(keys, rich_help_panel=_STEER, no_args_is_help=True)
application.command(rich_help_panel="In a container", add_help_option=False)(runtime)
