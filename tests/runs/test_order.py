from __future__ import annotations

import pytest

from proxy.errors import BadRequest
from proxy.runs.order import Order, read_order


@pytest.mark.parametrize(
    "target", [b"/f", b"/f?a=1", b"/f?async=false", b"/f?async=", b"/f?webhookEndpoint=", b"/async=true"]
)
def test_request_that_asks_for_nothing_is_no_order(target: bytes) -> None:
    assert read_order(target) is None


@pytest.mark.parametrize(
    ("target", "order"),
    [
        (b"/f?async=true", Order(b"/f", True, "")),
        (b"/f?a=1&async=True&b=%20", Order(b"/f?a=1&b=%20", True, "")),
        (b"/f?webhookEndpoint=https%3A%2F%2Fx%2F%3Fa%3D1%26b", Order(b"/f", False, "https://x/?a=1&b")),
        (b"/f?webhookEndpoint=http://x&async=true", Order(b"/f", True, "http://x")),
        (b"/f?async=true&async=true", Order(b"/f", True, "")),
    ],
)
def test_order_is_taken_out_of_the_query(target: bytes, order: Order) -> None:
    assert read_order(target) == order
    assert read_order(order.target) is None


@pytest.mark.parametrize("address", ["ftp://x", "x", "http://", "http://[", "http://x:99999", "http://x:0"])
def test_webhook_needs_a_web_address(address: str) -> None:
    with pytest.raises(BadRequest, match="webhookEndpoint"):
        Order(b"/f", True, address).check()


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:1/x?y", "https://[::1]/"])
def test_web_address_is_fine(address: str) -> None:
    Order(b"/f", True, address).check()
