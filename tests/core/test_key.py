from __future__ import annotations

import pytest

from proxy.core.key import hashed, split


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (b"tg_0a1b_se-cr_et", (b"0a1b", b"se-cr_et")),
        (b"tg_0a1b", (b"0a1b", b"")),
        (b"tg_", (b"", b"")),
        (b"sk-other", (b"", b"sk-other")),
        (b"", (b"", b"")),
    ],
)
def test_a_key_is_an_id_and_a_secret_which_may_hold_underscores(text: bytes, parts: tuple[bytes, bytes]) -> None:
    assert split(text) == parts


def test_of_a_secret_the_sha256_is_kept_in_hexadecimal() -> None:
    assert hashed(b"abc") == b"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
