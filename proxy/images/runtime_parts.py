"""What of this very installation goes into an image: Tidegate's own source, and what it needs in the same versions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import proxy
from proxy.errors import BuildError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PACKAGES = ("proxy", "runtime")
_LEFT_OUT = {"__pycache__"}
# What setup.py has compiled lies beside the packages; the modules in them are only doors to it.
_COMPILED = "tidegate_*__mypyc*.so"


def runtime_parts() -> dict[str, bytes | Path]:
    """Name → content; raises BuildError.

    runtime/ is as it lies in site-packages; runtime_needs/ has requirements.txt, and constraints.txt with the versions.
    """
    try:
        tidegate = distribution("tidegate")
    except PackageNotFoundError as error:
        raise BuildError("Tidegate is not installed here: install it with pip to build images") from error
    wanted = [line for line in tidegate.requires or [] if "extra ==" not in line]
    pinned = sorted(f"{one.metadata['Name']}=={one.version}" for one in _needed(tidegate))
    return {
        "runtime_needs/requirements.txt": _lines(wanted),
        "runtime_needs/constraints.txt": _lines(pinned),
        **{f"runtime/{name}": source for name, source in _source(tidegate)},
    }


def _needed(tidegate: Distribution) -> list[Distribution]:
    """All that it needs and that is installed here, however indirectly."""
    found: dict[str, Distribution] = {}
    names = [*_names(tidegate)]
    while names:
        name = names.pop()
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:  # needed on another system or by an extra
            continue
        names += _names(found[name])
    return list(found.values())


def _names(one: Distribution) -> Iterator[str]:
    for line in one.requires or []:
        match = _NAME.match(line)
        if match and "extra ==" not in line:
            yield match[0].lower().replace("_", "-")


def _source(tidegate: Distribution) -> Iterator[tuple[str, bytes | Path]]:
    root = Path(proxy.__file__).parents[1]
    for package in _PACKAGES:
        for file in (root / package).rglob("*"):
            inside = file.relative_to(root)
            if file.is_file() and not _LEFT_OUT.intersection(inside.parts):
                yield inside.as_posix(), file
    for library in root.glob(_COMPILED):
        yield library.name, library
    # Its metadata is how the balancers are found, and how pip tells that it is there.
    folder = f"tidegate-{tidegate.version}.dist-info"
    yield f"{folder}/METADATA", str(tidegate.metadata).encode()
    yield f"{folder}/entry_points.txt", (tidegate.read_text("entry_points.txt") or "").encode()


def _lines(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
