from __future__ import annotations

import asyncio
import json
from types import ModuleType

import pytest

from runtime.calls import Calls
from runtime.exchange import Reply, Request
from runtime.functions import find
from runtime.journal import Journal
from runtime.threads import Threads
from tests.runtime.fakes import FakeTransport, settle

MAIN = """
import asyncio
from runtime import Response

def hello(name="world"): return f"Hello, {name}!"
async def later(run_id): return run_id
def teapot(): return {"status_code": 418, "short": True}
def secret(): return object()
def wrong(): raise ValueError("no")
async def cancelled(): raise asyncio.CancelledError
def tokens(): yield "a"; yield {"b": 1}
async def chat(): yield "data: a"
def early(): raise KeyError("first"); yield
def halfway(): yield 1; raise ValueError("second")
def empty(): yield from ()
def lazy(): return (n for n in [1])
async def wait(): await asyncio.sleep(60)
def page(): return Response("<p>", 203, {"X-Kind": "test"}, "text/html")
def sound(): return Response((b for b in (b"ab", b"", "c")), media_type="audio/wav")
def broken(): return Response((1 / n for n in (1, 0)), media_type="text/plain")
def events(): return Response(iter(["a"]), 201, media_type="text/event-stream")
def size(image: bytes): return len(image)
"""


@pytest.fixture
def calls() -> Calls:
    module = ModuleType("main")
    exec(MAIN, module.__dict__)
    calls = Calls(Threads(1), Journal(requests=False, responses=False))
    calls.functions = find(module)
    return calls


class Answer:
    """What one request was answered."""

    def __init__(self, calls: Calls, path: str, body: bytes = b"", *, method: str = "POST", run_id: str = "r") -> None:
        transport, writable = FakeTransport(), asyncio.Event()
        writable.set()
        request = Request(method, path.encode(), {b"x-request-id": run_id.encode()}, keep_alive=True)
        request.feed(body)
        request.finish()
        self.reply = Reply(request, transport, writable)
        asyncio.run(calls.respond(request, self.reply))
        self.head, _, self.body = transport.sent.decode().partition("\r\n\r\n")
        self.status = int(self.head.split()[1])

    @property
    def json(self) -> dict[str, object]:
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value

    @property
    def error(self) -> tuple[int, object]:
        assert set(self.json) == {"run_id", "error"}
        error = self.json["error"]
        assert isinstance(error, dict)
        return self.status, error["type"]


def test_result_comes_in_an_envelope(calls: Calls) -> None:
    answer = Answer(calls, "/hello", b'{"name": "Ada"}')
    assert list(answer.json) == ["run_id", "run_time_ms", "result"]
    assert (answer.status, answer.json["run_id"], answer.json["result"]) == (200, "r", "Hello, Ada!")


def test_suffix_reaches_the_function_and_leaves_the_envelope_out(calls: Calls) -> None:
    assert Answer(calls, "/hello/chat/completions").body == '"Hello, world!"'


def test_status_code_sets_the_status_and_stays_in_the_result(calls: Calls) -> None:
    answer = Answer(calls, "/teapot")
    assert (answer.status, answer.json["result"]) == (418, {"status_code": 418, "short": True})


@pytest.mark.parametrize("given", ["", "with space", "x" * 129])
def test_run_id_is_our_own_if_the_given_one_is_not_sane(calls: Calls, given: str) -> None:
    run_id = Answer(calls, "/later", run_id=given).json["result"]
    assert isinstance(run_id, str)
    assert len(run_id) == 32


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("/hello", b"{", (400, "bad_request")),
        ("/hello", b"[]", (400, "bad_request")),
        ("/nowhere", b"", (404, "function_not_found")),
        ("/", b"", (404, "function_not_found")),
        ("/hello", b'{"age": 1}', (422, "invalid_arguments")),
        ("/wrong", b"", (500, "ValueError")),
        ("/early", b"", (500, "KeyError")),
        ("/secret", b"", (500, "TypeError")),
        ("/cancelled", b"", (500, "CancelledError")),
    ],
)
def test_errors_have_one_shape(calls: Calls, path: str, body: bytes, error: tuple[int, str]) -> None:
    assert Answer(calls, path, body).error == error


def test_functions_are_called_with_post_only(calls: Calls) -> None:
    answer = Answer(calls, "/hello", method="GET")
    assert answer.error == (405, "method_not_allowed")
    assert "\r\nallow: POST" in answer.head


def test_traceback_is_in_the_log_only(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    answer = Answer(calls, "/wrong")
    assert answer.json["error"] == {"type": "ValueError", "message": "no"}
    assert "Run r of /wrong failed.\nTraceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/tokens", '9\r\ndata: a\n\n\r\nf\r\ndata: {"b":1}\n\n\r\n0\r\n\r\n'),
        ("/chat/chat/completions", "9\r\ndata: a\n\n\r\n0\r\n\r\n"),
        ("/lazy", "9\r\ndata: 1\n\n\r\n0\r\n\r\n"),
        ("/empty", "0\r\n\r\n"),
    ],
)
def test_generators_are_streamed(calls: Calls, path: str, body: str) -> None:
    answer = Answer(calls, path)
    assert "content-type: text/event-stream" in answer.head
    assert answer.body == body


def test_failed_stream_ends_with_an_error_event_and_is_not_complete(calls: Calls) -> None:
    answer = Answer(calls, "/halfway")
    assert 'event: error\ndata: {"run_id":"r","error":{"type":"ValueError","message":"second"}}\n\n' in answer.body
    assert not answer.reply.complete


def test_client_that_leaves_cancels_the_function_unanswered(calls: Calls) -> None:
    async def scenario() -> None:
        transport = FakeTransport()
        request = Request("POST", b"/wait", {}, keep_alive=True)
        request.finish()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(calls.respond(request, Reply(request, transport, asyncio.Event())))
            await settle()
            request.abandoned = True
            task.cancel()
        assert task.cancelled()
        assert transport.sent == b""

    asyncio.run(scenario())


def test_ready_is_said_between_the_end_of_loading_and_the_beginning_of_the_drain(calls: Calls) -> None:
    functions, calls.functions = calls.functions, None
    assert Answer(calls, "/ready", method="GET").json["ready"] is False
    assert Answer(calls, "/hello").error == (503, "not_ready")
    calls.functions = functions
    assert Answer(calls, "/ready", method="GET").json == {"ready": True}
    calls.draining = True
    answer = Answer(calls, "/ready", method="GET")
    assert (answer.status, answer.json["ready"]) == (503, False)
    assert Answer(calls, "/health", method="GET").status == 200


def test_response_of_its_own_making_has_no_envelope(calls: Calls) -> None:
    answer = Answer(calls, "/page")
    assert (answer.status, answer.body) == (203, "<p>")
    assert "content-type: text/html\r\n" in answer.head
    assert "x-kind: test" in answer.head


@pytest.mark.parametrize(
    ("path", "media_type", "body"),
    [
        ("/sound", "audio/wav", "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
        ("/events", "text/event-stream", "9\r\ndata: a\n\n\r\n0\r\n\r\n"),
    ],
)
def test_response_with_an_iterator_is_a_stream_of_its_media_type(
    calls: Calls, path: str, media_type: str, body: str
) -> None:
    answer = Answer(calls, path)
    assert f"content-type: {media_type}\r\n" in answer.head
    assert answer.body == body


def test_broken_stream_that_is_no_event_stream_is_only_cut(calls: Calls) -> None:
    answer = Answer(calls, "/broken")
    assert answer.body == "3\r\n1.0\r\n"
    assert not answer.reply.complete


def test_body_that_is_not_json_goes_to_a_function_that_takes_bytes(calls: Calls) -> None:
    assert Answer(calls, "/size", b"\x89PNG").json["result"] == 4
