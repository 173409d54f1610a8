from __future__ import annotations

import asyncio
import select
import socket

import pytest

from proxy.net.hangup import HangupWatch

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="there is no epoll here")


async def calls_after(leave: bool) -> list[str]:
    watch, calls = HangupWatch(asyncio.get_running_loop()), []
    ours, theirs = socket.socketpair()
    with ours, theirs:
        watch.watch(ours.fileno(), lambda: calls.append("left"))
        theirs.send(b"unread")
        await asyncio.sleep(0.01)
        assert calls == []
        if leave:
            theirs.shutdown(socket.SHUT_WR)
        else:
            watch.forget(ours.fileno())
            theirs.close()
        await asyncio.sleep(0.01)
        watch.forget(ours.fileno())
    watch.close()
    return calls


def test_a_peer_that_leaves_is_noticed_once_behind_what_is_not_read() -> None:
    assert asyncio.run(calls_after(leave=True)) == ["left"]


def test_a_forgotten_peer_is_not() -> None:
    assert asyncio.run(calls_after(leave=False)) == []
