"""Which backend a name stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.backends.process import ProcessBackend
from proxy.backends.static import StaticBackend
from proxy.errors import UserError

if TYPE_CHECKING:
    from proxy.config import AppConfig

_BACKENDS: dict[str, type[ProcessBackend] | type[StaticBackend]] = {"process": ProcessBackend, "static": StaticBackend}


def make_backend(name: str, config: AppConfig) -> ProcessBackend | StaticBackend:
    """The backend for one app; raises UserError if this version has none of that name."""
    if name not in _BACKENDS:
        raise UserError(
            f"backend {name} is not available in this version; set --backend or tidegate.backend to one of "
            f"{', '.join(_BACKENDS)}"
        )
    return _BACKENDS[name](config)
