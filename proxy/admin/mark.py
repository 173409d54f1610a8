"""By what the answers of an admin port are known from those of any other server."""

from __future__ import annotations

FIELD = "x-tidegate-admin"
