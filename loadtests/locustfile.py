"""Classic inference with locust: JSON in, JSON out.

Usage: locust -f loadtests/locustfile.py --host http://127.0.0.1:8000 [--path /hello --body '{"name": "tide"}']
"""

from __future__ import annotations

from locust import FastHttpUser, between, events, task
from locust.argument_parser import LocustArgumentParser
from locust_rows import failed, tell_queue


@events.init_command_line_parser.add_listener
def options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--path", default="/predict", help="what is asked")
    parser.add_argument("--body", default='{"input": [1, 2, 3]}', help="the JSON that is sent")


class Inference(FastHttpUser):
    """Asks, thinks a little, asks again. Rows: its requests, and QUEUE, their time in the proxy's queue."""

    wait_time = between(0.02, 0.1)

    @task
    def ask(self) -> None:
        given = self.environment.parsed_options
        headers = {"content-type": "application/json"}
        with self.client.post(given.path, data=given.body, headers=headers, catch_response=True) as response:
            if response.status_code != 200:
                response.failure(failed(response))
            tell_queue(self.environment, response)
