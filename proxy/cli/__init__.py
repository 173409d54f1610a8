"""The command line: commands turn words into settings and run the app."""

from __future__ import annotations

import sys

import typer

from proxy.cli.check import check
from proxy.cli.explain import explain
from proxy.cli.ps import ps
from proxy.cli.scale import scale
from proxy.cli.simulate import simulate
from proxy.cli.up import up
from proxy.errors import UserError

application = typer.Typer(
    name="tidegate",
    help="Reverse proxy, autoscaler and container entrypoint for model servers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
application.command()(up)
application.command()(check)
application.command()(ps)
application.command()(scale)
application.command()(explain)
application.command()(simulate)


def main() -> None:
    """What `tidegate` runs; a mistake of the user's ends in one sentence and exit code 2."""
    try:
        application()
    except UserError as error:
        sys.stderr.write(f"tidegate: {error}\n")
        sys.exit(2)
