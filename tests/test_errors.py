from __future__ import annotations

import orjson

from proxy.errors import NoReplica


def test_a_sentence_about_a_path_that_is_no_utf_8_can_be_said_in_json() -> None:
    path = b"/apps/caf\xe9".decode(errors="surrogateescape")
    error = NoReplica(f"{path} does not exist")
    assert str(error) == r"/apps/caf\udce9 does not exist"
    assert rb"caf\\udce9" in orjson.dumps(error.document("r"))
