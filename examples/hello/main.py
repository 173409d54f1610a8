"""Plain functions: each is `POST /<its name>`."""

import time

from pydantic import BaseModel


class Order(BaseModel):
    item: str
    quantity: int = 1


def hello(name: str = "world") -> str:
    return f"Hello, {name}!"


async def whoami(run_id: str) -> dict[str, str]:
    return {"run_id": run_id}


def order(order: Order) -> dict[str, object]:
    if order.quantity < 1:
        return {"status_code": 409, "reason": "nothing ordered"}
    return {"status_code": 201, "order": order}


def slow(seconds: float = 1.0) -> str:
    time.sleep(seconds)
    return "done"
