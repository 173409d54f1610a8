"""Log lines on stderr: for a person on a terminal, JSON for a machine."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import orjson

from proxy.cli.progress import TerminalHandler

_FIELDS = ("app", "replica", "decision")


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


class TerminalFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        mark = {"WARNING": "! ", "ERROR": "!! ", "CRITICAL": "!! "}.get(record.levelname, "")
        source = f"[{record.replica}] " if hasattr(record, "replica") else ""
        text = f"{when} {source}{mark}{record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def set_up_logging() -> Callable[[str], None] | None:
    """Returns what shows a line of progress below the log; None where stderr is no terminal."""
    handler = TerminalHandler() if sys.stderr.isatty() else logging.StreamHandler(sys.stderr)
    handler.setFormatter(TerminalFormatter() if sys.stderr.isatty() else JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    return handler.show if isinstance(handler, TerminalHandler) else None
