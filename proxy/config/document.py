"""The file as text and as TOML: finding it, reading it, saying where it is broken."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from proxy.errors import ConfigError

FILE_NAME = "cerebrium.toml"


class WrittenFloat(float):
    """A float that remembers how it was written, since python_version = 3.10 means "3.10"."""

    text: str

    def __new__(cls, text: str) -> WrittenFloat:
        number = super().__new__(cls, text)
        number.text = text
        return number


def find(app: Path) -> Path:
    """The file of `app`, which is that file or its folder; raises ConfigError."""
    if not app.exists():
        raise ConfigError(f"{app}: no such file or folder: give a folder with a {FILE_NAME}, or the file itself")
    file = app / FILE_NAME if app.is_dir() else app
    if not file.exists():
        raise ConfigError(f"{app}: the folder has no {FILE_NAME}: add one, or give the file itself")
    return file


def read(file: Path) -> str:
    """The text of `file`, without a byte order mark; raises ConfigError."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{file}: the file cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: the file is not UTF-8 at byte {error.start}: save it as UTF-8") from error


def decode(text: str, file: Path) -> dict[str, object]:
    """The tables of `text`; raises ConfigError with line and column."""
    try:
        return tomllib.loads(text, parse_float=WrittenFloat)
    except tomllib.TOMLDecodeError as error:
        what, line, column = _place(str(error), text)
        hint = "" if file.suffix == ".toml" else f": give a folder with a {FILE_NAME}, or that file"
        raise ConfigError(f"{file}: line {line}, column {column}: invalid TOML: {what}{hint}") from error
    except ValueError as error:  # Python reads no number of more than 4300 digits
        raise ConfigError(f"{file}: a number in it has too many digits to be read") from error
    except RecursionError as error:
        raise ConfigError(f"{file}: its tables and lists are nested too deeply to be read") from error


def _place(message: str, text: str) -> tuple[str, int, int]:
    what, _, place = message.rpartition(" (at ")
    if found := re.fullmatch(r"line (\d+), column (\d+)\)", place):
        return what, int(found[1]), int(found[2])
    lines = text.split("\n")
    return what or message, len(lines), len(lines[-1]) + 1
