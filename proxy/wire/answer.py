"""Answers of our own: an error as the JSON that OpenAI clients print."""

from __future__ import annotations

from http import HTTPStatus

import orjson

from proxy.errors import AnswerError

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
ALLOWED = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"


def error_answer(error: AnswerError, request_id: bytes, keep_alive: bool, head_only: bool = False) -> bytes:
    """A whole response; the body is left out for HEAD."""
    body = orjson.dumps(error.document(request_id.decode()))
    lines = [
        f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        f"x-request-id: {request_id.decode()}",
        "connection: keep-alive" if keep_alive else "connection: close",
    ]
    if error.retry_after_seconds is not None:
        lines.append(f"retry-after: {error.retry_after_seconds}")
    if error.status == 405:
        lines.append(f"allow: {ALLOWED}")
    if error.status == 401:
        lines.append('www-authenticate: Bearer realm="tidegate"')
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + (b"" if head_only else body)


def options_answer(request_id: bytes, keep_alive: bool) -> bytes:
    """To an OPTIONS request that must not go further than here (RFC 9110 section 7.6.2)."""
    connection = b"keep-alive" if keep_alive else b"close"
    return b"HTTP/1.1 204 No Content\r\nallow: %b\r\nx-request-id: %b\r\nconnection: %b\r\n\r\n" % (
        ALLOWED.encode(),
        request_id,
        connection,
    )
