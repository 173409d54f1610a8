"""Another program of this machine, asked for what it prints; it never outlives the question."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress

from proxy.errors import TidegateError

_KILLED_SECONDS = 1.0


class ProgramError(TidegateError):
    """It is not there, fails or does not answer."""


class ProgramSilent(ProgramError):
    """It did not answer in time."""


async def ask(argv: Sequence[str], seconds: float, told: bytes = b"") -> str:
    """What it prints once it has been told that on its input; raises ProgramError."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise ProgramError(f"{argv[0]}: {error.strerror}") from error
    try:
        async with asyncio.timeout(seconds):
            said, _ = await process.communicate(told)
    except BaseException as error:  # also when cancelled
        await _kill(process)
        if isinstance(error, TimeoutError):
            raise ProgramSilent(f"{argv[0]} did not answer within {seconds:g} s") from None
        raise
    if process.returncode:
        raise ProgramError(f"{argv[0]} exited with code {process.returncode}")
    return said.decode(errors="replace")


async def _kill(process: asyncio.subprocess.Process) -> None:
    """With all that it has started: what holds its pipe open would keep it from being over."""
    with suppress(ProcessLookupError, PermissionError):  # nobody left; macOS says EPERM when only zombies are
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(TimeoutError):  # what hangs in the kernel is not waited for
        async with asyncio.timeout(_KILLED_SECONDS):
            await process.communicate()
