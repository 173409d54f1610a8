"""One process with everything it starts: a process group of its own that ends as a whole."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from proxy.backends.base import Exit
from proxy.backends.lifeline import LIFELINE, bind_to_parent
from proxy.backends.output import Output
from proxy.errors import StartError


class Child(asyncio.SubprocessProtocol):
    """Owns one process group from its start until every member got SIGKILL after the first process ended."""

    def __init__(self, output: Output) -> None:
        self.pid = 0
        self._output = output
        self._killed = False
        self._exit: Exit | None = None
        self._gone = asyncio.Event()

    async def spawn(self, argv: Sequence[str], cwd: Path, env: dict[str, str]) -> None:
        """Start the program, an absolute path; raises StartError."""
        inlet = self._output.open()
        try:
            await asyncio.get_running_loop().subprocess_exec(
                lambda: self,
                *argv,
                cwd=cwd,
                env=env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=inlet,
                stderr=inlet,
                start_new_session=True,
                preexec_fn=bind_to_parent(),
            )
            if self._exit is None:
                LIFELINE.add(self.pid)
        except BaseException as error:  # also when cancelled: nothing that was started may stay
            await self.kill()
            self._output.close()
            if isinstance(error, OSError):
                raise StartError(f"cannot run {argv[0]} in {cwd}: {error.strerror}") from error
            raise
        finally:
            os.close(inlet)

    def last_lines(self) -> tuple[str, ...]:
        return self._output.last_lines()

    async def wait(self) -> Exit:
        await self._gone.wait()
        assert self._exit is not None
        return self._exit

    async def terminate(self) -> None:
        """SIGTERM to every process of the group, as systemd does: each gets one."""
        self._signal(signal.SIGTERM)

    async def kill(self) -> None:
        self._killed = True
        self._signal(signal.SIGKILL)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self.pid = self._transport.get_pid()
        if self._killed:  # the start was cancelled meanwhile
            self._signal(signal.SIGKILL)

    def process_exited(self) -> None:
        code = self._transport.get_returncode()
        self._transport.close()
        self._signal(signal.SIGKILL)
        LIFELINE.remove(self.pid)
        # Not the end of the pipe: a process that left the group may hold it open for ever.
        self._output.close()
        self._exit = describe(code or 0, killed=self._killed)
        self._gone.set()

    def _signal(self, number: signal.Signals) -> None:
        if not self.pid or self._exit:
            return
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):  # nobody left; macOS says EPERM when only zombies are
            return


def describe(code: int, *, killed: bool) -> Exit:
    """`code` as in subprocess: below zero it is the signal; `killed` tells that we sent SIGKILL."""
    if code >= 0:
        return Exit(code, f"exited with code {code}")
    name = _signal_name(-code)
    if name == "SIGKILL" and not killed:
        return Exit(None, "killed by SIGKILL (out of memory?)")
    return Exit(None, f"killed by {name}")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
