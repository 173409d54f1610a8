"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# The same examples in every run, and no verdict about the machine's speed.
settings.register_profile("tidegate", derandomize=True, deadline=None)
settings.load_profile("tidegate")
