"""Whatever a client sends, a replica sees one whole request for each, or a part of one: never two, never nonsense."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import AnswerError, ReplicaFailed
from proxy.net.upload import Upload
from proxy.wire.fields import Field
from proxy.wire.forward import last_chunk, request_head
from proxy.wire.request import Request
from proxy.wire.request_reader import RequestReader
from tests.wire.sinks import Responses
from tests.wire.strict import Seen, Strict

Splits = Sequence[bytes]

# Fields that would change what a head said, were they taken for a part of it.
TELLING = re.compile(
    rb"host|via|content-(length|type|encoding|language|location|range|disposition)|transfer-encoding|connection"
    rb"|x-(forwarded|tidegate)-.*|x-request-id|cookie"
)
CANARY = b"GET /x-smuggle HTTP/1.1\r\nhost: a\r\n\r\n"
FIELDS = [
    b"Host: b",
    b"host:a:80",
    b"Content-Length: 3",
    b"Content-Length: 0",
    b"content-length: 3, 3",
    b"Content-Length: +3",
    b"Transfer-Encoding: chunked",
    b"transfer-encoding: Chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding:\tchunked ",
    b"Transfer-Encoding: identity",
    b"Connection: close",
    b"connection: keep-alive, x-named, content-length",
    b"Connection: transfer-encoding",
    b"Connection: upgrade\r\nUpgrade: w",
    b"Expect: 100-continue",
    b"X-Named: 1",
    b"Via: 1.1 x",
    b"X-Forwarded-For: 1.1.1.1",
    b"X-Request-Id: mine",
    b"Max-Forwards: 1",
]
BODIES = [b"", b"abc", b"0\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n", b"3;x=y\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n", CANARY]
TRAILERS = [
    b"Host: b",
    b"Content-Length: 9",
    b"Connection: close",
    b"X-Named: 1",
    b"X-Sum:",
    b"X-Forwarded-For: 1.1.1.1",
]
BODIES += [b"3\r\nabc\r\n0\r\n%b\r\nx-sum: 1\r\n\r\n" % line for line in (*TRAILERS, b"Cookie: a", b"Via: 1.1 x")]
ODD = [b"\r", b"\n", b"\r\n", b"\r\n ", b"\n\n", b"\0", b" ", b"\t", b"\x0b", b",", b":", b";", b"0", b"1", b"A", b"x"]
ODD += [b"+", b"-", b"\xff", b"#", b"\r\n\r\n", b"chunked", b"ffffffffffffffff", b"0x"]
TARGETS = [b"/", b"/a?b", b"*", b"http://c/d", b"http://c"]

places = st.integers(0, 400)
heads = st.builds(
    lambda method, target, version, fields: b"\r\n".join([b"%b %b HTTP/%b" % (method, target, version), *fields]),
    st.sampled_from([b"GET", b"POST", b"HEAD", b"OPTIONS"]),
    st.sampled_from(TARGETS),
    st.sampled_from([b"1.1", b"1.1", b"1.1", b"1.0"]),
    st.lists(st.sampled_from(FIELDS), max_size=3).map(lambda fields: [b"Host: a", *fields]),
)
requests = st.builds(lambda head, body: head + b"\r\n\r\n" + body, heads, st.sampled_from(BODIES))
mutations = st.lists(
    st.tuples(st.sampled_from(["insert", "delete", "replace", "twice", "swap"]), places, st.sampled_from(ODD)),
    max_size=3,
)


def mutated(data: bytes, changes: Sequence[tuple[str, int, bytes]]) -> bytes:
    for kind, place, odd in changes:
        lines = data.split(b"\r\n")
        at, line = place % (len(data) + 1), place % len(lines)
        if kind == "twice":
            lines.insert(line, lines[line])
        elif kind == "swap":
            lines[line], lines[line - 1] = lines[line - 1], lines[line]
        if kind in {"twice", "swap"}:
            data = b"\r\n".join(lines)
        else:
            data = data[:at] + (b"" if kind == "delete" else odd) + data[at + (kind != "insert") :]
    return data


def split(data: bytes, at: Sequence[int]) -> list[bytes]:
    cuts = sorted({0, len(data), *(place for place in at if place < len(data))})
    return [data[start:end] for start, end in pairwise(cuts)]


class Replica:
    """What goes out to the replica for each request, written as the proxy does."""

    def __init__(self, splits: Splits) -> None:
        self.sent: list[bytes] = []
        self.refused = False
        reader = RequestReader(self, 65_536)
        try:
            for data in splits:
                reader.feed(data)
            while reader.holding:
                reader.feed(reader.release())
        except AnswerError:
            self.refused = True

    def on_request(self, request: Request) -> None:
        self._upload = Upload(request)
        self.sent.append(request_head(request, b"9.9.9.9", b"id"))

    def on_request_body(self, data: bytes) -> None:
        self.sent[-1] += self._upload.framed(data)

    def on_request_trailers(self, trailers: list[Field]) -> None:
        self._upload.last = last_chunk(trailers)

    def on_request_end(self) -> None:
        self.sent[-1] += self._upload.last

    def seen(self) -> list[Seen]:
        return [only_request(data) for data in self.sent]


def only_request(sent: bytes) -> Seen:
    strict = Strict(sent)
    assert (strict.fault, strict.rest, len(strict.requests)) == ("", b"", 1), sent
    request = strict.requests[0]
    assert sent.startswith(b"%b %b HTTP/1.1\r\n" % (request.method, request.target))
    return request


def assert_meant(seen: Seen, meant: Seen) -> None:
    """`meant`: how a strict reader understands the client."""
    assert seen.method == meant.method
    assert meant.target.endswith(seen.target.removeprefix(b"/"))
    assert_harmless(seen.trailers, meant.trailers)
    if seen.complete:
        assert (meant.body, meant.complete) == (seen.body, True)
    else:
        assert meant.body.startswith(seen.body)


def assert_harmless(trailers: Sequence[Field], sent: Sequence[Field]) -> None:
    """They were sent as trailers, in this order, and could not pass for something that a head says."""
    left = iter(sent)
    assert all(field in left for field in trailers)
    assert not [name for name, _ in trailers if TELLING.fullmatch(name)]


@settings(max_examples=1_000)
@given(st.lists(requests, min_size=1, max_size=2), mutations, st.lists(places, max_size=4), st.booleans())
def test_a_replica_sees_what_a_strict_reader_sees_or_less(
    messages: list[bytes], changes: list[tuple[str, int, bytes]], at: list[int], again: bool
) -> None:
    message = mutated(b"".join(messages), changes)
    data = message * (1 + again) + CANARY
    whole, meant = Replica([data]), Strict(data)
    seen = whole.seen()
    assert len(seen) <= len(meant.requests), (seen, meant)
    for one, other in zip(seen, meant.requests, strict=False):
        assert_meant(one, other)
    assert all(request.complete for request in seen[:-1])
    for splits in (split(data, at), split(data, range(len(data))), [message] * (1 + again) + [CANARY]):
        parts = Replica(splits)
        assert (parts.seen(), parts.refused) == (seen, whole.refused), splits


STATUS_LINES = [b"HTTP/1.1 200 OK", b"HTTP/1.1 204 No", b"HTTP/1.1 304 Same", b"HTTP/1.0 200 OK", b"HTTP/1.1 103 Hints"]
CHUNKED = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
ANSWER = b"HTTP/1.1 200 x-smuggle\r\ncontent-length: 6\r\n\r\nCANARY"
EMPTY_ANSWER = b"HTTP/1.1 200 x-smuggle\r\ncontent-length: 0\r\n\r\n"
response_heads = st.builds(
    lambda line, fields: b"\r\n".join([line, *fields]),
    st.sampled_from(STATUS_LINES),
    st.lists(st.sampled_from(FIELDS), max_size=3),
)
responses = st.builds(lambda head, body: head + b"\r\n\r\n" + body, response_heads, st.sampled_from([*BODIES, ANSWER]))


class Answer:
    """What a client is given of one answer: heads, body, whether it ended, and whether the replica was at fault."""

    def __init__(self, splits: Splits, head_only: bool) -> None:
        self.sink = Responses(head_only)
        self.failed = False
        try:
            for data in splits:
                self.sink.feed(data)
            self.reusable = self.sink.reader.reusable
            self.sink.reader.eof()
        except ReplicaFailed:
            self.failed, self.reusable = True, False

    @property
    def told(self) -> tuple[object, ...]:
        heads = [(head.status, head.fields, head.length, head.chunked) for head in self.sink.heads]
        return heads, self.sink.body, self.sink.trailers, self.sink.ended, self.failed


@settings(max_examples=300)
@given(responses, mutations, st.lists(places, max_size=4), st.booleans())
def test_an_answer_is_the_same_however_it_is_split(
    message: bytes, changes: list[tuple[str, int, bytes]], at: list[int], head_only: bool
) -> None:
    data = mutated(message, changes)
    told = Answer([data], head_only).told
    trailers = Answer([data], head_only).sink.trailers
    seen = only_request(CHUNKED + last_chunk(trailers))
    assert_harmless(seen.trailers, [(name.lower(), value.strip(b" \t")) for name, value in trailers])
    for splits in (split(data, at), split(data, range(len(data)))):
        assert Answer(splits, head_only).told == told, splits


@settings(max_examples=300)
@given(responses, mutations, st.booleans(), st.sampled_from([ANSWER, EMPTY_ANSWER]))
def test_what_comes_after_an_answer_is_never_a_part_of_it(
    message: bytes, changes: list[tuple[str, int, bytes]], head_only: bool, after: bytes
) -> None:
    data = mutated(message, changes)
    alone = Responses(head_only)
    try:
        alone.feed(data)
    except ReplicaFailed:
        return
    if alone.ended:
        both = data + after
        for splits in ([both], [data, after], split(both, range(len(both)))):
            answer = Answer(splits, head_only)
            assert (answer.sink.body, answer.failed, answer.reusable) == (alone.body, False, False)
