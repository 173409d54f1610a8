"""Reads many event streams at once and says how old each event was on arrival.

Prints "started" when every stream has sent something, measures, then prints one JSON object.

Usage: event_stream_client.py PORT STREAMS SECONDS
"""

from __future__ import annotations

import json
import re
import select
import socket
import sys
from array import array
from time import monotonic, monotonic_ns

REQUEST = b"GET /stream HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
EVENT = re.compile(rb"data: (\d+) ")
START_SECONDS = 15.0
SETTLE_SECONDS = 0.5  # what was sent while the streams were being opened is old


class Reader:
    """Owns the streams, and the age of every event in nanoseconds."""

    def __init__(self, port: int, streams: int) -> None:
        self._poll = select.epoll()
        self._streams: dict[int, socket.socket] = {}
        self.ages = array("q")
        for _ in range(streams):
            stream = socket.create_connection(("127.0.0.1", port), timeout=5)
            stream.sendall(REQUEST)
            stream.setblocking(False)
            self._streams[stream.fileno()] = stream
            self._poll.register(stream, select.EPOLLIN)

    def await_all(self) -> None:
        """Return when every stream has had an event."""
        silent = set(self._streams)
        ends = monotonic() + START_SECONDS
        while silent:
            if monotonic() > ends:
                sys.exit(f"{len(silent)} of {len(self._streams)} streams sent nothing in {START_SECONDS:g} s")
            silent -= self._read(1.0)

    def read_for(self, seconds: float) -> None:
        """Forget what came before."""
        self.ages = array("q")
        ends = monotonic() + seconds
        while (left := ends - monotonic()) > 0:
            self._read(left)

    def _read(self, timeout: float) -> set[int]:
        """The streams that had events."""
        heard = set()
        for number, _ in self._poll.poll(timeout):
            data = self._streams[number].recv(65536)
            now = monotonic_ns()
            if not data:
                sys.exit("a stream ended early")
            for stamp in EVENT.findall(data):
                self.ages.append(now - int(stamp))
                heard.add(number)
        return heard


def main(port: int, streams: int, seconds: float) -> None:
    reader = Reader(port, streams)
    reader.await_all()
    reader.read_for(SETTLE_SECONDS)
    print("started", flush=True)
    reader.read_for(seconds)
    ages = sorted(reader.ages)
    middle, late = ages[len(ages) // 2] / 1e6, ages[len(ages) * 99 // 100] / 1e6
    print(json.dumps({"events": len(ages), "p50_ms": middle, "p99_ms": late}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
