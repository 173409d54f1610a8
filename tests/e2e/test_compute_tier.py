"""Two apps on a machine with room for one replica."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.running import events, eventually, running, write_app

SCALING = "[cerebrium.scaling]\nreplica_concurrency = 1\ncooldown = 1\n"


def test_a_protected_app_takes_the_place_of_an_interruptible_one_and_gives_it_back(tmp_path: Path) -> None:
    batch = write_app(tmp_path / "batch", SCALING + '[tidegate.routing]\nprefix = "/batch"', name="batch")
    protected = SCALING + 'compute_tier = "protected"\n'
    chat = write_app(tmp_path / "chat", protected + '[tidegate.routing]\nprefix = "/chat"', name="chat")
    with running(tmp_path, batch, chat, "--max-cpu", "3") as up:
        interrupted = up.later(f"/batch/until{batch}/enough")
        eventually(lambda: events(batch, "request"))
        chatting = up.later(f"/chat/until{chat}/enough")
        eventually(lambda: "makes way for chat" in up.log())
        (batch / "enough").touch()
        assert interrupted.result().status == 200
        eventually(lambda: events(chat, "request"))
        waiting = up.later("/batch/")
        eventually(lambda: "no room: needs 2 cpu, 1 free of 3" in up.view("batch")["scaling"]["reason"])
        (chat / "enough").touch()
        assert [chatting.result().status, waiting.result().status] == [200, 200]
        assert [len(events(app, "start")) for app in (batch, chat)] == [2, 1]
        assert up.end() == 0
