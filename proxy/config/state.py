"""The folder in which Tidegate keeps what has to survive a restart."""

from __future__ import annotations

import os
from pathlib import Path

from proxy.errors import UserError


def state_folder() -> Path:
    """$TIDEGATE_STATE, else the user's state folder (XDG Base Directory Specification); it need not exist yet.

    Raises UserError where the user has no home.
    """
    chosen = os.environ.get("TIDEGATE_STATE")
    if chosen:
        return Path(chosen).absolute()
    base = Path(os.environ.get("XDG_STATE_HOME") or "")
    if base.is_absolute():  # the specification wants relative ones ignored
        return base / "tidegate"
    try:
        return Path.home() / ".local/state/tidegate"
    except RuntimeError:
        raise UserError("there is no home folder to keep state in: set TIDEGATE_STATE to a folder") from None
