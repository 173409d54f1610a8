"""Compiles the modules that every request goes through (mypyc), where there is a C compiler.

TIDEGATE_COMPILE: "auto" (the default), "always" or "never". An editable install is never compiled: what is edited
must be what runs.
"""

import os
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from setuptools import setup

REQUEST_PATH = (
    *(f"proxy/core/{name}.py" for name in ("allowance", "demand", "journal", "key", "pool", "queue", "replica")),
    "proxy/core/balancers/*.py",
    "proxy/metrics.py",
    "proxy/net/*.py",
    "proxy/wire/*.py",
)
FUNCTION_PATH = tuple(
    f"runtime/{name}.py"
    for name in ("answers", "apart", "body", "calls", "connection", "exchange", "journal", "threads")
)
# Others inherit from what is in site; what uvloop hands to the rest is not always of the type that asyncio declares.
LEFT_OUT = {"__init__.py", *(f"{name}.py" for name in ("hangup", "listener", "site", "tunnel"))}
# Once per connection, token or change: what they cost is in the libraries.
LEFT_OUT |= {f"{name}.py" for name in ("certificate", "handshakes", "tokens")}

# Not egg_info or dist_info, which ask for what is needed, nor editable_wheel.
BUILDING = {"bdist_wheel", "build", "build_ext", "install"}


def wanted() -> bool:
    if not BUILDING & set(sys.argv):
        return False
    choice = os.environ.get("TIDEGATE_COMPILE", "auto")
    if choice not in {"auto", "always", "never"}:
        sys.exit(f'TIDEGATE_COMPILE is "{choice}": set it to auto, always or never')
    if choice != "auto":
        return choice == "always"
    compiler = shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0])
    headers = Path(sysconfig.get_path("include"), "Python.h")
    return compiler is not None and headers.exists()


def extensions() -> list:
    if not wanted():
        return []
    paths = (path for pattern in REQUEST_PATH for path in Path().glob(pattern) if path.name not in LEFT_OUT)
    # Two libraries: a function server does not load the proxy's.
    return [*compiled(sorted(map(str, paths)), "tidegate_proxy"), *compiled(FUNCTION_PATH, "tidegate_runtime")]


def compiled(paths: Sequence[str], group: str) -> list:
    from mypyc.build import mypycify

    options = ["--config-file=", "--ignore-missing-imports"]
    return mypycify([*options, *paths], opt_level="3", group_name=group)


setup(ext_modules=extensions())
