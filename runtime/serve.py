"""`python -m runtime.serve`: the function server alone, without process 1 and the gate before it."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import uvloop

from proxy.backends.local_socket import VARIABLE
from proxy.errors import UserError
from runtime.output import tag_output
from runtime.server import Server, Settings, exit_at_once, listen


def main(arguments: list[str]) -> int:
    """Serve until told to stop; returns the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    try:
        if arguments:
            raise UserError(f"python -m runtime.serve takes no arguments, but was given {' '.join(arguments)!r}.")
        settings = Settings.read(os.environ, Path.cwd())
        os.environ.pop(VARIABLE, None)  # what main.py starts has no such descriptor
        server = Server(settings, listen(settings))
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    tag_output()
    uvloop.run(server.run())
    if server.loading:
        exit_at_once(0)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
