"""The command line: commands turn words into settings and run the app."""

from __future__ import annotations

import sys

from proxy.errors import UserError


def main() -> None:
    """What `tidegate` runs; a mistake of the user's ends in one sentence and exit code 2."""
    if sys.argv[1:2] == ["runtime"]:  # a cold start has no time for what the other commands import
        from proxy.cli.entrypoint import enter

        enter(sys.argv[2:])
    from proxy.cli.application import application

    try:
        application()
    except UserError as error:
        sys.stderr.write(f"tidegate: {error}\n")
        sys.exit(2)
