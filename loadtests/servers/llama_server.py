"""llama.cpp's own HTTP server, out of the package xllamacpp, with the flags of llama-server that are needed here.

Usage: llama_server.py -m MODEL [--host HOST] [--port PORT]
"""

from __future__ import annotations

import argparse
import signal

import xllamacpp


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-m", "--model", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    given = parser.parse_args()
    params = xllamacpp.CommonParams()
    params.model.path = given.model
    params.hostnames = [given.host]
    params.port = given.port
    params.n_ctx = 2048
    params.n_parallel = 1
    server = xllamacpp.Server(params)
    print(f"llama.cpp listens on {server.listening_address}", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
