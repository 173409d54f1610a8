"""What the gate answers itself, in front of the way to its server."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from proxy.errors import AnswerError
from proxy.net.deadlines import Deadlines
from proxy.net.service import Route, Service
from proxy.net.site import Site
from proxy.wire.request import Request


class Said(AnswerError):
    """An answer about the gate: 200 if `passed`, else 503, with `document` as its body."""

    type = "gate"

    def __init__(self, passed: bool, document: dict[str, object]) -> None:
        super().__init__("what the gate says of itself")
        self.status = 200 if passed else 503
        self._document = document

    def document(self, request_id: str) -> dict[str, object]:
        return self._document


class GateSite(Site):
    """One app; the targets in `said` do not reach it by GET."""

    def __init__(self, service: Service, deadlines: Deadlines, said: Mapping[bytes, Callable[[], Said]]) -> None:
        super().__init__([service], deadlines)
        self._said = said

    def route(self, request: Request) -> Route | None:
        """Raises what the gate says to its own targets."""
        answer = self._said.get(request.target.partition(b"?")[0])
        if answer is not None and request.method in (b"GET", b"HEAD"):
            raise answer()
        return super().route(request)
