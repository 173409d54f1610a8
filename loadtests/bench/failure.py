"""What ends a measurement."""

from __future__ import annotations


class BenchError(Exception):
    """Something needed for a measurement is missing or failed; the message is one sentence."""
