"""The process backend with real processes, under the plain event loop and under uvloop."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psutil
import pytest
import uvloop

from proxy.backends.process import ProcessBackend, ProcessHandle
from proxy.errors import StartError
from tests.backends.apps import app

DEADLINE_SECONDS = 20
Run = Callable[[Coroutine[object, object, None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    runner: Run = request.param

    async def bounded(scenario: Coroutine[object, object, None]) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await scenario

    return lambda scenario: runner(bounded(scenario))


def backend_for(folder: Path, script: str, interpreter: str = "sh") -> ProcessBackend:
    (folder / "serve").write_text(script)
    return ProcessBackend(app(folder, f'[cerebrium.runtime.custom]\nentrypoint = "{interpreter} serve $PORT"'))


@asynccontextmanager
async def started(folder: Path, script: str, interpreter: str = "sh") -> AsyncIterator[ProcessHandle]:
    backend = backend_for(folder, script, interpreter)
    handle = await backend.start("demo-1")
    try:
        yield handle
    finally:
        await handle.kill()
        await handle.wait()
        await backend.close()


async def eventually(condition: Callable[[], bool]) -> None:
    """Bounded by the deadline of `run`."""
    while not condition():
        await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 0", "exited with code 0"),
        ("exit 3", "exited with code 3"),
        ("kill -SEGV $$", "killed by SIGSEGV"),
        ("kill -KILL $$", "killed by SIGKILL (out of memory?)"),
    ],
)
def test_the_reason_of_an_exit_is_known_to_all_who_wait(tmp_path: Path, run: Run, script: str, reason: str) -> None:
    async def scenario() -> None:
        async with started(tmp_path, script) as handle:
            exits = await asyncio.gather(handle.wait(), handle.wait())
            assert {ended.reason for ended in (*exits, await handle.wait())} == {reason}
            await handle.terminate()

    run(scenario())


def test_a_replica_runs_in_its_folder_with_its_port_and_no_input(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        async with started(tmp_path, 'cat; pwd; echo "$1 $PORT $REPLICA_ID $MAX_CONCURRENT_TASKS"') as handle:
            await handle.wait()
            assert handle.last_lines() == (str(tmp_path), f"{handle.port} {handle.port} demo-1 100")

    run(scenario())


def test_output_of_both_kinds_is_kept_in_order_and_bounded(tmp_path: Path, run: Run) -> None:
    script = "seq 100000; echo warning > /dev/stderr; printf 'no newline'"

    async def scenario() -> None:
        async with started(tmp_path, script) as handle:
            assert (await handle.wait()).code == 0
            assert handle.last_lines() == (*(str(n) for n in range(99803, 100001)), "warning", "no newline")

    run(scenario())


TERM_COUNTER = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
child = os.fork()
name = "parent" if child else "child"
os.write(1, f"{name} ready\\n".encode())
signal.sigwait({signal.SIGTERM})
again = signal.sigtimedwait({signal.SIGTERM}, 0.2)
os.write(1, f"{name} {'twice' if again else 'once'}\\n".encode())
if child:
    os.wait()
"""


def test_every_process_of_a_replica_gets_sigterm_once(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        async with started(tmp_path, TERM_COUNTER, sys.executable) as handle:
            await eventually(lambda: len(handle.last_lines()) == 2)
            await handle.terminate()
            assert (await handle.wait()).reason == "exited with code 0"
            assert sorted(handle.last_lines()[2:]) == ["child once", "parent once"]

    run(scenario())


def test_kill_ends_all_of_a_replica_that_ignores_sigterm(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        async with started(tmp_path, "trap '' TERM; sleep 1000 & echo $!; wait; wait") as handle:
            await eventually(lambda: bool(handle.last_lines()))
            await handle.terminate()
            await handle.kill()
            assert (await handle.wait()).reason == "killed by SIGKILL"
            await eventually(lambda: not alive(int(handle.last_lines()[0])))

    run(scenario())


def test_what_a_replica_leaves_behind_is_killed(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        async with started(tmp_path, "sleep 1000 & echo $!") as handle:
            assert (await handle.wait()).reason == "exited with code 0"
            await eventually(lambda: not alive(int(handle.last_lines()[0])))

    run(scenario())


def test_a_process_that_left_the_group_and_keeps_the_output_open_costs_nothing(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        script = "import subprocess; print(subprocess.Popen(['sleep', '1000'], start_new_session=True).pid)"
        open_files, left = [], []
        gc.collect()  # what earlier tests have left is not counted
        for _ in range(2):
            async with started(tmp_path, script, sys.executable) as handle:
                await handle.wait()
                open_files.append(psutil.Process().num_fds())
                left.append(int(handle.last_lines()[0]))
        for pid in left:
            os.kill(pid, signal.SIGKILL)  # raises if it is gone
        assert open_files[0] == open_files[1]

    run(scenario())


def test_replicas_that_run_together_have_different_ports(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        backend = backend_for(tmp_path, "sleep 1000")
        handles = [await backend.start(str(number)) for number in range(5)]
        assert len({handle.port for handle in handles}) == 5
        for handle in handles:
            await handle.kill()
            await handle.wait()
        await backend.close()

    run(scenario())


def test_a_file_that_cannot_be_run_is_a_start_error(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        (tmp_path / "server").write_text("#!/no/such/interpreter")
        (tmp_path / "server").chmod(0o755)
        backend = ProcessBackend(app(tmp_path, '[cerebrium.runtime.custom]\nentrypoint = "./server"'))
        await backend.check()
        with pytest.raises(StartError, match=r"cannot run .*/server in .*: No such file"):
            await backend.start("demo-1")

    run(scenario())


def test_a_start_that_is_cancelled_leaves_no_process(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        backend = backend_for(tmp_path, "sleep 1000")
        others = set(psutil.Process().children())
        async with asyncio.TaskGroup() as tasks:
            starting = tasks.create_task(backend.start("demo-1"))
            await asyncio.sleep(0)
            starting.cancel()
        await eventually(lambda: not any(alive(child.pid) for child in {*psutil.Process().children()} - others))
        await backend.close()

    run(scenario())


PROXY = """
import asyncio, os, sys, pathlib, psutil, uvloop
from tests.e2e.test_process_backend import backend_for

async def main(folder, *, without_guard):
    first = await backend_for(folder, 'sleep 1000 & echo "$$ $!"; wait').start("demo-1")
    if without_guard:
        guard, = (child for child in psutil.Process().children() if child.pid != first.pid)
        guard.kill()
        guard.wait()
    second = await backend_for(folder, 'sleep 1000 & echo "$$ $!"; wait').start("demo-2")
    while not (first.last_lines() and second.last_lines()):
        await asyncio.sleep(0.01)
    children = [child.pid for child in psutil.Process().children()]
    print(*first.last_lines(), *second.last_lines(), *children, flush=True)
    await first.wait()

{"asyncio": asyncio.run, "uvloop": uvloop.run}[sys.argv[1]](
    main(pathlib.Path(sys.argv[2]), without_guard=sys.argv[3] == "True"))
"""


@pytest.mark.parametrize("without_guard", [False, True], ids=["", "guard restarted"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_everything_dies_with_the_proxy(tmp_path: Path, loop: str, without_guard: bool) -> None:
    with killed_at_the_end(PROXY, loop, str(tmp_path), str(without_guard)) as pids:
        assert len(pids) == 5  # two replicas, their children, the guard
        assert all(alive(pid) for pid in pids)
    wait_until_gone(pids)


BOUND = """
import subprocess
from proxy.backends.lifeline import bind_to_parent
with subprocess.Popen(["sleep", "1000"], preexec_fn=bind_to_parent()) as child:
    print(child.pid, flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_replica_dies_with_the_proxy_even_without_the_guard() -> None:
    with killed_at_the_end(BOUND) as pids:
        assert all(alive(pid) for pid in pids)
    wait_until_gone(pids)


@contextmanager
def killed_at_the_end(program: str, *arguments: str) -> Iterator[set[int]]:
    """Run a Python program that prints the ids of the processes it has started."""
    argv = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield {int(word) for word in process.stdout.readline().split()}
        finally:
            process.kill()


def wait_until_gone(pids: set[int]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def write_wheel(folder: Path, name: str, code: str) -> str:
    file = f"{name}-0.1-py3-none-any.whl"
    info = f"{name}-0.1.dist-info"
    with zipfile.ZipFile(folder / file, "w") as wheel:
        wheel.writestr(f"{name}.py", code)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return file


def installing_app(folder: Path, requirements: str) -> ProcessBackend:
    (folder / "needs.txt").write_text(f"--no-index\n{requirements}\n")
    toml = """
    [cerebrium.runtime.custom]
    entrypoint = "python serve"
    [cerebrium.dependencies.paths]
    pip = "needs.txt"
    [tidegate.process]
    install = true
    """
    return ProcessBackend(app(folder, toml))


def test_an_app_has_its_own_packages_before_tidegates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    wheel = write_wheel(tmp_path, "idna", "ORIGIN = 'the app'")  # Tidegate's environment has another idna
    backend = installing_app(tmp_path, f"./{wheel}")
    (tmp_path / "serve").write_text("import idna, runtime, orjson, pydantic; print(idna.ORIGIN)")

    async def scenario() -> None:
        await backend.prepare()
        (settings,) = (tmp_path / "cache/tidegate/venvs").glob("*/pyvenv.cfg")
        made = settings.stat().st_mtime_ns
        await backend.prepare()
        assert settings.stat().st_mtime_ns == made
        handle = await backend.start("demo-1")
        await handle.wait()
        assert handle.last_lines() == ("the app",)
        await backend.close()

    uvloop.run(scenario())


def test_a_failed_installation_is_a_start_error_with_what_pip_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    backend = installing_app(tmp_path, "no-such-package")

    async def scenario() -> None:
        with pytest.raises(
            StartError, match=r"app demo failed[\s\S]*No matching distribution found for no-such-package"
        ):
            await backend.prepare()
        await backend.close()

    asyncio.run(scenario())
