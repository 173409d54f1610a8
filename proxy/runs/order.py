"""What the query of a request asks the proxy for: to answer it later, and to post the answer somewhere."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote_plus, urlsplit

from proxy.errors import BadRequest

_HINTS = (b"async=", b"webhookEndpoint=")


@dataclass(frozen=True, slots=True)
class Order:
    """`target` is the rest of it, for the app; `webhook` is "" or where the answer goes."""

    target: bytes
    later: bool
    webhook: str

    def check(self) -> None:
        """Raises BadRequest."""
        if not self.webhook:
            return
        try:
            address = urlsplit(self.webhook)
            wrong = address.scheme not in ("http", "https") or not address.hostname or address.port == 0
        except ValueError:
            wrong = True
        if wrong:
            raise BadRequest("webhookEndpoint has to be an http or https address, percent-encoded")


def read_order(target: bytes) -> Order | None:
    """None if nothing is asked for: `async` is anything but true, and there is no `webhookEndpoint`."""
    if not any(hint in target for hint in _HINTS):
        return None
    path, _, query = target.partition(b"?")
    later, webhook, rest = False, "", []
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if name == b"async" and value.lower() == b"true":
            later = True
        elif name == b"webhookEndpoint" and value:
            webhook = unquote_plus(value.decode("latin-1"))
        else:
            rest.append(part)
    if not later and not webhook:
        return None
    return Order(path + b"?" + b"&".join(rest) if rest else path, later, webhook)
