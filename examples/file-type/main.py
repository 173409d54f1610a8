"""Tell a file's type from its content with Magika, an ONNX model whose weights come with its package."""

from magika import Magika
from pydantic import Base64Bytes

model = Magika()


def detect(file: Base64Bytes) -> dict[str, str | float]:
    """What `file` (base64 in JSON, bytes here) is, and how sure the model is of it, from 0 to 1."""
    found = model.identify_bytes(file)
    return {"type": found.output.label, "mime": found.output.mime_type, "score": found.score}
