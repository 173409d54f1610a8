from __future__ import annotations

import signal

import pytest

from proxy.backends.base import Exit
from proxy.backends.child import describe


@pytest.mark.parametrize(
    ("code", "killed", "expected"),
    [
        (0, False, Exit(0, "exited with code 0")),
        (3, False, Exit(3, "exited with code 3")),
        (3, True, Exit(3, "exited with code 3")),
        (-signal.SIGSEGV, False, Exit(None, "killed by SIGSEGV")),
        (-signal.SIGTERM, False, Exit(None, "killed by SIGTERM")),
        (-signal.SIGKILL, True, Exit(None, "killed by SIGKILL")),
        (-signal.SIGKILL, False, Exit(None, "killed by SIGKILL (out of memory?)")),
        (-40, False, Exit(None, "killed by signal 40")),
    ],
)
def test_an_exit_is_a_phrase_for_a_person(code: int, killed: bool, expected: Exit) -> None:
    assert describe(code, killed=killed) == expected
