"""Four chats at once, streamed, through the OpenAI client: each has to come to its end.

Usage: openai_client.py URL (needs the package openai)
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from openai import OpenAI

CHATS = 4
TOKENS = 48


def chat(url: str, number: int) -> int:
    """The number of pieces that came."""
    client = OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
    messages = [{"role": "user", "content": f"tell me {number}"}]
    stream = client.chat.completions.create(model="tiny", messages=messages, max_tokens=TOKENS, stream=True)
    reasons = [piece.choices[0].finish_reason for piece in stream if piece.choices]
    assert reasons[-1] in {"length", "stop"}, f"chat {number} ended with {reasons[-1]}"
    return len(reasons)


def main() -> None:
    with ThreadPoolExecutor(CHATS) as threads:
        pieces = list(threads.map(lambda number: chat(sys.argv[1], number), range(CHATS)))
    print(f"{CHATS} chats at once through a limit of 1, streamed in {pieces} pieces, all finished")


if __name__ == "__main__":
    main()
