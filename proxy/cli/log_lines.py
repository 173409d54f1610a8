"""Log lines on stderr: for a person on a terminal, JSON for a machine."""

from __future__ import annotations

import logging
import os
import sys
from datetime import UTC, datetime

import orjson

from proxy.cli.log_stream import LogStream, write_to
from proxy.cli.request_lines import JsonRequestLines, TerminalRequestLines

_FIELDS = ("app", "replica", "decision")


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _said(record.getMessage()),
        }
        line |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["traceback"] = _said(self.formatException(record.exc_info))
        return orjson.dumps(line).decode()


class TerminalFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        mark = {"WARNING": "! ", "ERROR": "!! ", "CRITICAL": "!! "}.get(record.levelname, "")
        source = f"[{record.replica}] " if hasattr(record, "replica") else ""
        text = f"{when} {source}{mark}{record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def _said(text: str) -> str:
    """As JSON can have it: a path may be no UTF-8."""
    return text.encode(errors="backslashreplace").decode()


class StreamHandler(logging.Handler):
    """Hands records to the stream as lines."""

    def __init__(self, stream: LogStream) -> None:
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # a mistake in a log line ends nothing: logging says so, and goes on
            self.handleError(record)
        else:
            self._stream.put(f"{line}\n".encode(errors="backslashreplace"))


def set_up_logging(level: str = "info") -> LogStream:
    """Lines of that level and above go to stderr, through the stream that is returned."""
    terminal = sys.stderr.isatty()
    coloured = not os.environ.get("NO_COLOR")
    stream = LogStream(
        write_to(sys.stderr.fileno()), TerminalRequestLines(coloured) if terminal else JsonRequestLines()
    )
    handler = StreamHandler(stream)
    handler.setFormatter(TerminalFormatter() if terminal else JsonFormatter())
    # The handler's level and not the loggers': what replicas print is kept in any case.
    handler.setLevel(level.upper())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("tidegate").setLevel(logging.DEBUG if level == "debug" else logging.INFO)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    return stream
