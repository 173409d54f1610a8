from __future__ import annotations

from proxy.cli.scale import said


def limits(least: int | None, most: int | None) -> dict[str, object]:
    return {"min_replicas": 1, "max_replicas": 5, "override": {"min_replicas": least, "max_replicas": most}}


def test_limits_are_told_with_what_was_set_by_hand() -> None:
    assert said(limits(None, None)) == "from 1 to 5 replicas (nothing set by hand)"
    assert said(limits(1, None)) == ("from 1 to 5 replicas (min_replicas set by hand, until `tidegate scale --clear`)")
    assert "min_replicas and max_replicas set by hand" in said(limits(1, 5))
