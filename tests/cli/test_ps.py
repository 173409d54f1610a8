from __future__ import annotations

from proxy.cli.ps import HEAD, roll_outs, rows
from proxy.cli.remote import Document
from proxy.cli.table import columns

REPLICA = {
    "id": "chat-1", "revision": 2, "state": "ready", "address": "127.0.0.1:40000", "in_flight": 3, "limit": 8,
    "cpu_ratio": 0.25, "memory_bytes": 3 << 20, "last_probe": "/ready answered 200",
}  # fmt: skip
STARTING = REPLICA | {"id": "chat-2", "state": "starting", "address": "", "cpu_ratio": None, "memory_bytes": None}


def test_every_replica_is_a_line_in_columns() -> None:
    apps: list[Document] = [
        {"name": "chat", "replicas": [REPLICA, STARTING | {"last_probe": ""}]},
        {"name": "idle", "replicas": []},
    ]
    assert list(columns(HEAD, rows(apps))) == [
        "APP   REPLICA  REV  STATE     ADDRESS          IN FLIGHT  CPU   MEMORY  LAST PROBE",
        "chat  chat-1   2    ready     127.0.0.1:40000  3/8        25 %  3 MiB   /ready answered 200",
        "chat  chat-2   2    starting  -                3/8        -     -       -",
        "idle  -        -    -         -                -          -     -       -",
    ]


def test_a_roll_out_is_told_in_words() -> None:
    states = [("in service", ""), ("preparing", ""), ("rolled back", "revision 3 was rolled back: exited with code 1")]
    apps: list[Document] = [
        {"name": f"a{place}", "revision": {"number": 2, "state": state, "reason": reason}}
        for place, (state, reason) in enumerate(states)
    ]
    assert list(roll_outs(apps)) == [
        "a1: another revision is being prepared, revision 2 serves",
        "a2: revision 3 was rolled back: exited with code 1",
    ]
