from __future__ import annotations

from pathlib import Path

import pytest

from proxy.control.recorder import Recorder
from proxy.core.balancers.first_available import FirstAvailable
from proxy.core.journal import JournaledPool
from proxy.errors import UserError
from proxy.simulation.trace import Call, read_trace
from tests.core.fakes import FakeRequest, ready_replica, reserved, waiting


def journaled() -> JournaledPool:
    pool = JournaledPool(FirstAvailable(), 10, 0.0)
    pool.add(ready_replica())
    return pool


def test_a_recorded_trace_is_what_simulate_reads(tmp_path: Path) -> None:
    recorder, pool = Recorder(tmp_path / "new", "chat", began=100.0), journaled()
    first = reserved(pool, 101.0)
    (second,) = waiting(pool, now=102.0)
    pool.release(first, 104.0)
    recorder.note(pool.take_entries())
    pool.release(second.slot, 104.5)
    recorder.note(pool.take_entries())
    recorder.close()
    assert read_trace(tmp_path / "new" / "chat.csv") == [Call(1.0, 3.0), Call(2.0, 0.5)]


def test_a_request_that_another_replica_served_is_recorded_once(tmp_path: Path) -> None:
    recorder, pool = Recorder(tmp_path, "chat", began=0.0), journaled()
    pool.add(ready_replica(order=1))
    other = pool.retry(FakeRequest(), reserved(pool, 1.0), 2.0)
    assert other is not None
    pool.release(other, 5.0)
    recorder.note(pool.take_entries())
    recorder.close()
    assert read_trace(tmp_path / "chat.csv") == [Call(2.0, 3.0)]


def test_a_folder_that_cannot_be_made_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"--record: .*chat\.csv cannot be written: .*: name another folder"):
        Recorder(tmp_path / "file", "chat", began=0.0)
