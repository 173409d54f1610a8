"""Readiness, metadata and inference through Triton's HTTP client, four at once.

Usage: triton_client.py HOST:PORT (needs the package tritonclient[http])
"""

from __future__ import annotations

import sys

import numpy as np
from tritonclient.http import InferenceServerClient, InferInput

REQUESTS = 4


def main() -> None:
    client = InferenceServerClient(sys.argv[1], concurrency=REQUESTS)
    assert client.is_server_ready()
    assert client.is_model_ready("doubler")
    assert client.get_model_metadata("doubler")["name"] == "doubler"
    given = np.arange(12, dtype=np.float32).reshape(3, 4)
    tensor = InferInput("given", list(given.shape), "FP32")
    tensor.set_data_from_numpy(given, binary_data=False)
    pending = [client.async_infer("doubler", [tensor]) for _ in range(REQUESTS)]
    for request in pending:
        assert (request.get_result().as_numpy("doubled").reshape(given.shape) == given * 2).all()
    client.close()
    print(f"{REQUESTS} inferences at once, all right")


if __name__ == "__main__":
    main()
