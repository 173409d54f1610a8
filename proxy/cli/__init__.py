"""The command line: commands turn words into settings and run the app."""

from __future__ import annotations

import sys

import typer

from proxy.cli.check import check
from proxy.cli.explain import explain
from proxy.cli.logs import logs
from proxy.cli.ps import ps
from proxy.cli.replica import drain, restart
from proxy.cli.scale import scale
from proxy.cli.simulate import simulate
from proxy.cli.top import top
from proxy.cli.up import up
from proxy.errors import UserError

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
for panel, commands in {
    _SERVE: (up, check, simulate),
    _LOOK: (ps, top, logs, explain),
    _STEER: (scale, drain, restart),
}.items():
    for command in commands:
        application.command(rich_help_panel=panel)(command)


def main() -> None:
    """What `tidegate` runs; a mistake of the user's ends in one sentence and exit code 2."""
    try:
        application()
    except UserError as error:
        sys.stderr.write(f"tidegate: {error}\n")
        sys.exit(2)
