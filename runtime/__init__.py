"""The container entrypoint; `from runtime import Response` in main.py gives a function an answer of its own making."""

from runtime.response import Response as Response
