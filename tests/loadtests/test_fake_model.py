"""loadtests/fake_model.py: its distributions, its count of itself, its lies and the HTTP that it speaks."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fake_model import Request, Server, Tally, distribution, echo_frame, parse, take_body, take_head


class FakeWriter:
    """Remembers what was written."""

    def __init__(self) -> None:
        self.sent = b""

    def write(self, data: bytes) -> None:
        self.sent += data

    async def drain(self) -> None:
        pass


def mean(text: str) -> float:
    random, draw = Random(1), distribution(text)
    return sum(draw(random) for _ in range(100_000)) / 100_000


def server(*options: str) -> Server:
    return Server(parse(list(options)))


def request(query: str = "", **fields: str) -> Request:
    return Request("/predict", query, {name.replace("_", "-"): value for name, value in fields.items()})


async def reading(data: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return reader


def document(answer: bytes) -> Any:  # JSON documents are of any type
    return json.loads(answer.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fixed:0.2", 0.2),
        ("exponential:0.1", 0.1),
        ("bimodal:0.01,1,0.1", 0.109),
        ("pareto:0.1,2.5", 0.1),
        ("lognormal:0.1,1", 0.1),
    ],
)
def test_a_distribution_has_the_mean_that_it_is_given(text: str, expected: float) -> None:
    assert mean(text) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize(
    "text", ["", "fixed", "fixed:-1", "fixed:nan", "exponential:0", "pareto:0.1,1", "bimodal:1,2", "normal:1,2"]
)
def test_what_is_no_distribution_is_told_with_those_there_are(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"write fixed:S, exponential:MEAN"):
        distribution(text)


def test_two_replicas_draw_different_times_from_one_seed_and_each_the_same_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = []
    for replica in ("a", "b", "a"):
        monkeypatch.setattr("fake_model.REPLICA", replica)
        drawn.append(server("--service", "exponential:1").seconds(request()))
    assert drawn[0] == drawn[2] != drawn[1]


def test_a_request_sets_its_own_service_time() -> None:
    asked = server("--service", "fixed:9")
    assert asked.seconds(request()) == 9
    assert asked.seconds(request(x_service_seconds="0.5")) == 0.5
    assert asked.seconds(request("a=1&seconds=0.25")) == 0.25


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "soon"])
def test_a_service_time_that_is_none_is_refused(seconds: str) -> None:
    with pytest.raises(ValueError, match=seconds):
        server().seconds(request(x_service_seconds=seconds))


async def _enter(tally: Tally, count: int) -> None:
    for _ in range(count):
        await tally.enter()


def test_more_at_once_than_the_limit_is_counted_told_and_written_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tally = Tally(2, str(tmp_path / "report"))
    asyncio.run(_enter(tally, 3))
    assert (tally.peak, tally.counts["overlaps"]) == (3, 1)
    assert capsys.readouterr().err == "fake model: 3 requests at once, the limit is 2\n"
    lines = [json.loads(line) for line in (tmp_path / "report").read_text().splitlines()]
    assert [(line["event"], line["in_flight"]) for line in lines] == [
        ("peak", 1),
        ("peak", 2),
        ("peak", 3),
        ("overlap", 3),
    ]


def test_a_request_that_ends_in_the_same_turn_of_the_loop_is_no_overlap() -> None:
    async def scene(tally: Tally) -> None:
        await tally.enter()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(tally.enter())
            await asyncio.sleep(0)
            tally.in_flight -= 1

    tally = Tally(1, None)
    asyncio.run(scene(tally))
    assert (tally.peak, tally.counts["overlaps"]) == (1, 0)


def test_no_limit_is_never_exceeded() -> None:
    tally = Tally(0, None)
    asyncio.run(_enter(tally, 500))
    assert tally.counts["overlaps"] == 0
    assert tally.statistics()["limit"] is None


@pytest.mark.parametrize(
    ("readiness", "loaded", "status", "said"),
    [
        ("honest", True, 200, True),
        ("always", False, 200, True),
        ("never", True, 503, False),
        ("wrong-body", True, 200, False),
    ],
)
def test_readiness_is_honest_or_lies(readiness: str, loaded: bool, status: int, said: bool) -> None:
    asked = server("--readiness", readiness)
    if loaded:
        asked.loaded_at = 0
    answer = asked.answer_at_once("/ready", now=1)
    assert answer is not None
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert document(answer) == {"ready": said}


def test_flapping_readiness_turns_after_each_period() -> None:
    asked = server("--readiness", "flapping:2")
    asked.loaded_at = 100
    answers = [asked.answer_at_once("/ready", now) or b"" for now in (100, 101.9, 102, 103.9, 104)]
    assert [document(answer)["ready"] for answer in answers] == [True, True, False, False, True]


def test_a_server_that_is_told_to_drain_is_not_ready() -> None:
    asked = server()
    asked.stop.set()
    assert b" 503 " in (asked.answer_at_once("/ready", now=1) or b"")


def test_requests_before_the_model_is_loaded_fail() -> None:
    asked = server("--readiness", "always")
    assert b" 503 " in (asked.answer_at_once("/predict", now=1) or b"")
    asked.loaded_at = 0
    assert asked.answer_at_once("/predict", now=1) is None


@pytest.mark.parametrize("readiness", ["flapping", "flapping:0", "flapping:x", "sometimes"])
def test_an_unknown_readiness_ends_it_with_the_mend(readiness: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--readiness", readiness])
    assert "must be honest, always, never, wrong-body or flapping:SECONDS" in capsys.readouterr().err


async def _request(data: bytes) -> tuple[Request, bytes]:
    reader = await reading(data)
    head = await take_head(reader)
    return head, await take_body(reader, head)


@pytest.mark.parametrize(
    "data",
    [
        b"POST /a?b=1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        b"POST /a?b=1 HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\nt: 1\r\n\r\n",
    ],
)
def test_a_body_is_taken_with_its_length_and_in_chunks(data: bytes) -> None:
    head, body = asyncio.run(_request(data))
    assert (head.path, head.query, body) == ("/a", "b=1", b"abc")


async def _echo(frame: bytes) -> tuple[int, bytes]:
    writer: Any = FakeWriter()  # of a StreamWriter only what is needed
    return await echo_frame(await reading(frame), writer), writer.sent


MASK = b"\x01\x02\x03\x04"


@pytest.mark.parametrize(
    ("frame", "opcode", "sent"),
    [
        (b"\x81\x83" + MASK + b"ikj", 1, b"\x81\x03hii"),
        (b"\x82\xfe\x00\x80" + MASK + MASK * 32, 2, b"\x82\x7e\x00\x80" + bytes(128)),
        (b"\x89\x80" + MASK, 9, b"\x8a\x00"),
        (b"\x8a\x80" + MASK, 10, b""),
        (b"\x88\x82" + MASK + b"\x02\xea", 8, b"\x88\x02\x03\xe8"),
    ],
    ids=["text", "long", "ping", "pong", "close"],
)
def test_a_websocket_frame_comes_back_unmasked(frame: bytes, opcode: int, sent: bytes) -> None:
    assert asyncio.run(_echo(frame)) == (opcode, sent)
