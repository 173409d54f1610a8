from __future__ import annotations

from proxy.core.autoscaler.estimates import ColdStart, ColdStarts


def test_nothing_is_known_before_the_first_start() -> None:
    assert ColdStarts().estimate is None


def test_the_estimate_is_the_median_of_the_last_nine() -> None:
    starts = ColdStarts()
    for seconds in (100, 100, 1, 1, 1, 2, 2, 2, 3, 3, 50):
        starts.add({"load": seconds, "ready": 1.0})
    assert starts.estimate == ColdStart(3.0, {"load": 2.0, "ready": 1.0})
