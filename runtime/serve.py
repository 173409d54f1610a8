"""`python -m runtime.serve`: the function server alone, without process 1 and the gate before it."""

from __future__ import annotations

import gc
import sys


def main(arguments: list[str]) -> int:
    """Serve until told to stop; returns the exit code."""
    gc.disable()  # until main.py is loaded: what is imported before makes no garbage, and looking for it takes time
    from runtime.server import serve

    return serve(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
