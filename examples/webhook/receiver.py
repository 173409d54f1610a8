"""What a webhook's receiver has to do: check the signature, answer 2xx. `python receiver.py SECRET [PORT]`."""

import hashlib
import hmac
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = sys.argv[1].encode()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        run_id, timestamp = self.headers["x-request-id"], self.headers["x-cerebrium-webhook-timestamp"]
        signed = f"{run_id}.{timestamp}.".encode() + body
        expected = "v1," + hmac.new(SECRET, signed, hashlib.sha256).hexdigest()
        genuine = hmac.compare_digest(expected, self.headers["x-cerebrium-webhook-signature"] or "")
        print("genuine" if genuine else "FORGED", body.decode(), flush=True)
        self.send_response(204 if genuine else 401)
        self.end_headers()


HTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 9000), Receiver).serve_forever()
