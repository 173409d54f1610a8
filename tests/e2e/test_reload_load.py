"""The short form of loadtests/reload.py: kept, new, slow and streaming clients lose nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "loadtests" / "reload.py"


def test_no_request_is_lost_under_reloads_and_roll_outs() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--reloads", "2", "--rollouts", "2"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 reloads, 2 roll-outs" in done.stdout
