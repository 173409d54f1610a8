"""`tidegate runtime`, `python -m runtime`: process 1 of a container, with a gate before the server that it starts."""

from __future__ import annotations

import os
import signal
import sys

from proxy.errors import TidegateError
from proxy.standard_streams import fill
from runtime.child import ORPHANS, TAKEN, Child, NotStarted
from runtime.launch import Launch, launch
from runtime.options import Options, parse


def main(arguments: list[str]) -> int:
    """Serve until the command has ended; returns the exit code."""
    fill()
    try:
        return _run(parse(arguments, os.environ))
    except NotStarted as error:
        code, sentence = error.exit_code, str(error)
    except TidegateError as error:
        code, sentence = 2, str(error)
    sys.stderr.write(f"tidegate: {sentence}\n")
    return code


def _run(options: Options) -> int:
    def start() -> tuple[Launch, Child]:
        planned = launch(options, os.environ)
        return planned, Child(planned.argv, planned.environment, planned.listener)

    signal.pthread_sigmask(signal.SIG_BLOCK, TAKEN)  # until there is somebody to handle them
    ORPHANS.adopt()
    launched = start()
    try:
        # Imported while the command starts: it takes longer than anything else here.
        from runtime.entrypoint import run

        return run(options, launched, start)
    finally:
        ORPHANS.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
