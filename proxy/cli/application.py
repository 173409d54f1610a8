"""The commands and what they share."""

from __future__ import annotations

import typer

from proxy.cli.build import build
from proxy.cli.check import check
from proxy.cli.entrypoint import runtime
from proxy.cli.explain import explain
from proxy.cli.ps import ps
from proxy.cli.scale import scale
from proxy.cli.simulate import simulate
from proxy.cli.up import up

application = typer.Typer(
    name="tidegate",
    help="Reverse proxy, autoscaler and container entrypoint for model servers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
application.command()(up)
application.command()(check)
application.command()(build)
application.command()(ps)
application.command()(scale)
application.command()(explain)
application.command()(simulate)
application.command(add_help_option=False)(runtime)
