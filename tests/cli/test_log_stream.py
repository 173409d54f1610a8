"""The log's thread: order, batches, and a reader that stalls."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence

import pytest

from proxy.cli import log_stream
from proxy.cli.log_stream import LogStream, write_to
from proxy.net.passage import Passage
from proxy.wire.request import Request

DEADLINE_SECONDS = 10.0


class Reader:
    """Takes what is written; `stall` and it takes no more until `go_on`."""

    def __init__(self) -> None:
        self.taken = b""
        self.pieces = 0
        self.asked = threading.Event()
        self._goes_on = threading.Event()
        self._goes_on.set()
        self.stall, self.go_on = self._goes_on.clear, self._goes_on.set

    def write(self, data: bytes) -> None:
        self.asked.set()
        assert self._goes_on.wait(DEADLINE_SECONDS)
        self.pieces += 1
        self.taken += data


class PlainForm:
    def passages(self, passages: Sequence[Passage]) -> bytes:
        return b"".join(passage.target + b"\n" for passage in passages)

    def lost(self, count: int) -> bytes:
        return b"%d lost\n" % count


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def stream(reader: Reader) -> Iterator[LogStream]:
    made = LogStream(reader.write, PlainForm())
    yield made
    reader.go_on()
    made.close()


def tell(stream: LogStream, target: bytes) -> None:
    request = Request(b"GET", target)
    stream.over(Passage(request, b"id", 200, 1.0), request)


def test_requests_and_other_lines_keep_their_order(reader: Reader, stream: LogStream) -> None:
    tell(stream, b"/1")
    tell(stream, b"/2")
    stream.put(b"hello\n")
    tell(stream, b"/3")
    stream.close()
    assert reader.taken == b"/1\n/2\nhello\n/3\n"


def test_requests_are_written_in_batches(reader: Reader, stream: LogStream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_stream, "BATCH_SECONDS", DEADLINE_SECONDS)
    for _ in range(50):
        tell(stream, b"/")
    stream.close()
    assert (reader.taken.count(b"\n"), reader.pieces) == (50, 1)


def test_a_request_is_written_though_nothing_follows(reader: Reader, stream: LogStream) -> None:
    tell(stream, b"/1")
    assert reader.asked.wait(DEADLINE_SECONDS)


def test_where_nobody_reads_lines_are_dropped_counted_and_told(
    reader: Reader, stream: LogStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_stream, "MOST_WAITING_BYTES", 3 * 2_048)
    reader.stall()
    stream.put(b"first\n")
    assert reader.asked.wait(DEADLINE_SECONDS)  # the thread waits for the reader from now on
    for number in range(5):
        tell(stream, b"/%d" % number)
    reader.go_on()
    stream.close()
    assert reader.taken == b"first\n/0\n/1\n/2\n2 lost\n"


def test_the_end_does_not_wait_for_a_reader_that_never_reads(
    reader: Reader, stream: LogStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_stream, "_LAST_WORDS_SECONDS", 0.0)
    reader.stall()
    stream.put(b"x\n")
    stream.close()
    assert reader.taken == b""


def test_progress_stays_below_the_lines(reader: Reader, stream: LogStream) -> None:
    stream.show("a is starting")
    assert reader.asked.wait(DEADLINE_SECONDS)
    stream.put(b"hello\n")
    stream.show("")
    stream.close()
    assert reader.taken.startswith(b"a is starting\r\x1b[2Khello\n")
    assert b"a is starting" not in reader.taken.rpartition(b"\x1b[2K")[2]


def test_a_pipe_that_takes_little_at_once_gets_all() -> None:
    outlet, inlet = os.pipe()
    os.set_blocking(inlet, False)
    data = bytes(200_000)
    writing = threading.Thread(target=write_to(inlet), args=(data,))
    writing.start()
    taken = 0
    while taken < len(data):
        taken += len(os.read(outlet, 65_536))
    writing.join()
    os.close(outlet)
    write_to(inlet)(b"nobody reads this, and nothing comes of it")
    os.close(inlet)
