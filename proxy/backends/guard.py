"""The guard process: kills the process groups that a proxy leaves behind, however it ended.

The proxy runs this file and writes a line "+GROUP" or "-GROUP" for each process group that starts or ends. The end of
the input means that the proxy is gone. It imports nothing of Tidegate, so that it is small and starts fast.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable


def groups_left(lines: Iterable[bytes]) -> set[int]:
    groups: set[int] = set()
    for line in lines:
        change = groups.add if line.startswith(b"+") else groups.discard
        change(int(line[1:]))
    return groups


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    for group in groups_left(sys.stdin.buffer):
        try:
            os.killpg(group, signal.SIGKILL)
        except OSError:  # gone already, or not ours to kill: the next one still is
            continue


if __name__ == "__main__":
    main()
