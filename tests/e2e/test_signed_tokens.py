"""Signed tokens as their users meet them: HS256 and RS256 before a running proxy, and keys exchanged meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from tests.e2e.running import FAKE_SERVER, SOON_SECONDS, Answer, Up, eventually, running
from tests.net.signed_tokens import CLAIMS, ENDS, OVER, SECRET, key_set, rsa_key, signed

TOML = """
[cerebrium.deployment]
name = "{name}"
disable_auth = false
[cerebrium.runtime.custom]
entrypoint = "python -I -S {server} $PORT"
[tidegate.routing]
prefix = "/{name}"
[tidegate.auth.jwt]
audience = "apps"
{key}
"""
OURS = {**CLAIMS, "aud": "apps"}


class Doors:
    """A running proxy with an app for each algorithm: /shared takes HS256, /public RS256."""

    def __init__(self, up: Up, folder: Path) -> None:
        self.up = up
        self.public = folder / "public"

    def ask(self, app: str, token: bytes) -> Answer:
        return self.up.get(f"/{app}/", authorization=f"Bearer {token.decode()}")

    def status(self, app: str, token: bytes) -> int:
        return self.ask(app, token).status


@pytest.fixture(name="doors", scope="module")
def doors_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    folder = tmp_path_factory.mktemp("doors")
    for name, key in (("shared", 'secret_file = "secret"'), ("public", 'jwks_file = "jwks.json"')):
        (folder / name).mkdir()
        (folder / name / "cerebrium.toml").write_text(TOML.format(name=name, server=FAKE_SERVER, key=key))
    (folder / "shared" / "secret").write_text(SECRET + "\n")
    key_set(folder / "public", "first")
    with running(folder, folder / "shared", folder / "public") as up:
        yield Doors(up, folder)


def test_a_right_token_is_served_and_every_other_is_not(doors: Doors) -> None:
    for app, key, strange in (("shared", SECRET, SECRET[::-1]), ("public", rsa_key("first"), rsa_key("strange"))):
        assert doors.status(app, signed(OURS, key)) == 200
        for wrong, why in (
            (signed({**OURS, "exp": OVER}, key), "expired"),
            (signed({**OURS, "aud": "others"}, key), "Audience"),
            (signed(CLAIMS, key), "aud"),
            (signed({"exp": ENDS, "aud": "apps"}, key), "sub"),
            (signed(OURS, strange), "Signature"),
            (jwt.encode(OURS, "", "none").encode(), "alg"),
        ):
            refused = doors.ask(app, wrong)
            assert (refused.status, refused.json["error"]["type"]) == (403, "forbidden")
            assert why in refused.json["error"]["message"]
    assert doors.status("public", signed(OURS, SECRET)) == 403  # the other app's
    assert doors.up.get("/shared/").status == doors.up.get("/public/").status == 401


def test_a_rotated_key_set_is_taken_without_a_restart(doors: Doors) -> None:
    before, after = (signed(OURS, rsa_key(name), kid=name) for name in ("first", "second"))
    assert (doors.status("public", before), doors.status("public", after)) == (200, 403)
    key_set(doors.public, "first", "second")
    eventually(lambda: doors.status("public", after) == 200, SOON_SECONDS)
    assert doors.status("public", before) == 200
    key_set(doors.public, "second")
    eventually(lambda: doors.status("public", before) == 403, SOON_SECONDS)
    assert doors.status("public", after) == 200
