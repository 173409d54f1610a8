"""Work that takes too long for a client to wait for."""

import time


def summarise(text: str, run_id: str) -> dict[str, object]:
    time.sleep(3)
    print("summarised")  # in the log with the run's id
    return {"words": len(text.split()), "for": run_id}
