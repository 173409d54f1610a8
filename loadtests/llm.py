"""Chat with streamed tokens with locust, as OpenAI's clients ask.

Usage: locust -f loadtests/llm.py --host http://127.0.0.1:8000 [--model NAME --max-tokens 100 --prompt TEXT]

Rows beside the requests: TTFT, the time to the first token; TOKEN, the time between two; TOKENS/S, tokens a second of
each answer (locust's columns say milliseconds there too); QUEUE and COLD, the waits in the proxy.
"""

from __future__ import annotations

import time

from geventhttpclient.response import HTTPParseError
from locust import FastHttpUser, between, events, task
from locust.argument_parser import LocustArgumentParser
from locust.contrib.fasthttp import FastResponse
from locust_rows import failed, tell, tell_queue
from token_stream import TokenStream

CHAT = "/v1/chat/completions"


@events.init_command_line_parser.add_listener
def options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--model", default="fake", help="the model's name in the request")
    parser.add_argument("--max-tokens", type=int, default=30, help="of one answer")
    parser.add_argument("--prompt", default="Tell me of the tide.", help="what is asked")


class Chat(FastHttpUser):
    """Asks, reads the answer token by token, asks again."""

    wait_time = between(0.1, 0.5)

    @task
    def chat(self) -> None:
        given = self.environment.parsed_options
        messages = [{"role": "user", "content": given.prompt}]
        asked = {"model": given.model, "messages": messages, "max_tokens": given.max_tokens, "stream": True}
        began = time.perf_counter()
        with self.client.post(CHAT, json=asked, stream=True, catch_response=True) as response:
            tokens = TokenStream()
            try:
                if response.status_code != 200:
                    raise ValueError(failed(response))
                self._read(response, tokens, began)
            except (OSError, ValueError, HTTPParseError) as error:  # cut, or no chat
                response.failure(str(error) or type(error).__name__)
            response.request_meta["response_time"] = 1000 * (time.perf_counter() - began)
            tell_queue(self.environment, response)
        self._tell(tokens)

    def _read(self, response: FastResponse, tokens: TokenStream, began: float) -> None:
        while line := response.stream.readline(b"\n"):
            tokens.take(line, time.perf_counter() - began)
        if not tokens.complete:
            raise ValueError(f"the stream ended after {len(tokens.times)} tokens, without its end")

    def _tell(self, tokens: TokenStream) -> None:
        if tokens.first_seconds is not None:
            tell(self.environment, "TTFT", "time to first token", 1000 * tokens.first_seconds)
        for gap in tokens.gaps:
            tell(self.environment, "TOKEN", "time between tokens", 1000 * gap)
        if tokens.complete and tokens.tokens_per_second is not None:
            tell(self.environment, "TOKENS/S", "tokens a second", tokens.tokens_per_second)
