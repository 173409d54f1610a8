"""What `tidegate reload` says."""

from __future__ import annotations

from proxy.cli.reload import story
from proxy.cli.remote import Document


def test_what_changed_is_told_and_what_comes_of_it() -> None:
    rolling = {"number": 2, "state": "rolling over", "reason": "rolling over to revision 2: 0 of 3 replicas are of it"}
    stays = {"number": 1, "state": "in service", "reason": ""}
    outcome: Document = {
        "apps": [
            {
                "app": "chat",
                "changed": ["env.M", "scaling.cooldown"],
                "revision": rolling,
                "warnings": ["so it is"],
            },
            {"app": "idle", "changed": [], "revision": stays, "warnings": []},
        ],
        "added": ["new"],
        "removed": ["old"],
    }
    assert list(story(outcome)) == [
        "chat: env.M, scaling.cooldown changed; rolling over to revision 2: 0 of 3 replicas are of it",
        "so it is",
        "idle: no setting changed; revision 1 is in service",
        "new: is served from now on",
        "old: is not served any more, and drains",
    ]
