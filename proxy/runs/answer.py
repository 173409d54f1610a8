"""The end of a run: what its app, or Tidegate in its stead, has answered."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import orjson

from proxy.errors import AnswerError

MAX_ANSWER_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    media_type: str
    body: bytes

    @classmethod
    def of(cls, error: AnswerError, run_id: str) -> Answer:
        return cls(error.status, "application/json", orjson.dumps(error.document(run_id)))

    def view(self, run_id: str) -> dict[str, object]:
        """As members of the run's own view: those of an envelope or of an error, or `result`, whatever it is."""
        value = self._value()
        if isinstance(value, dict):
            if value.get("run_id") == run_id:
                return value
            if isinstance(value.get("error"), dict) and self.status >= 400:
                return {"error": value["error"]}
        return {"result": value}

    def _value(self) -> object:
        """JSON as values, text as text, the rest in base64."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            pass
        try:
            return self.body.decode()
        except UnicodeDecodeError:
            return base64.b64encode(self.body).decode()
