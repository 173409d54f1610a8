"""The command line: commands turn words into settings and run the app."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

from proxy.errors import UserError
from proxy.standard_streams import fill


def main() -> None:
    """What `tidegate` runs; a mistake of the user's ends in one sentence and exit code 2, Ctrl-C in 130."""
    try:
        fill()
        _run()
    except KeyboardInterrupt:  # also while it is still being imported
        sys.exit(128 + signal.SIGINT)


def _run() -> NoReturn:
    if sys.argv[1:2] == ["runtime"]:  # a cold start has no time for what the other commands import
        from proxy.cli.entrypoint import enter

        enter(sys.argv[2:])
    import typer

    from proxy.cli.application import application

    try:
        sys.exit(application(prog_name="tidegate", standalone_mode=False))
    except UserError as error:
        sentence = str(error)
    except typer.TyperException as error:
        from proxy.cli.usage import mistake

        sentence = mistake(error)
    if sentence:
        sys.stderr.write(f"tidegate: {sentence}\n")
    sys.exit(2)
