"""The three standard streams of a process, which whoever starts it may have closed."""

from __future__ import annotations

import os
import sys


def fill() -> None:
    """Open the null device in place of those that are closed: what is opened next would be taken for them.

    To be called before anything else is opened; libuv aborts where one of the three is its own.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    # Python has none where there was no descriptor.
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
