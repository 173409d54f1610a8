from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from proxy.config.auth import Jwt
from proxy.errors import ConfigError, Forbidden
from proxy.net.keys import Keyring, Keys
from proxy.net.tokens import JwtTokens
from tests.net.signed_tokens import CLAIMS, ENDS, OVER, SECRET, key_set, rsa_key, signed


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_SECRET", SECRET)


def with_secret(folder: Path, **settings: object) -> JwtTokens:
    return JwtTokens(Jwt.model_validate({"secret_env": "TOKEN_SECRET", **settings}), folder / "cerebrium.toml")


def with_key_set(folder: Path, *names: str, bits: int = 2048) -> JwtTokens:
    key_set(folder, *names, bits=bits)
    return JwtTokens(Jwt(jwks_file="jwks.json"), folder / "cerebrium.toml")


def test_a_good_token_is_its_subjects_also_the_second_time(tmp_path: Path) -> None:
    tokens = with_secret(tmp_path)
    assert [tokens.subject(signed(CLAIMS), lapsed=False) for _ in range(2)] == ["ann", "ann"]


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "ann"},
        {"exp": ENDS},
        {"sub": "ann", "exp": OVER},
        {"sub": "ann", "exp": ENDS, "nbf": ENDS - 1},
        {"sub": "ann", "exp": "soon"},
        {"sub": "ann", "exp": 1e400},
        {"sub": ["ann"], "exp": ENDS},
        {"sub": "ann", "exp": ENDS, "aud": "others"},
        {"sub": "ann", "exp": ENDS, "iss": "others"},
    ],
    ids=str,
)
def test_a_token_without_what_is_asked_for_is_refused(tmp_path: Path, claims: dict[str, object]) -> None:
    tokens = with_secret(tmp_path, issuer="us")
    with pytest.raises(Forbidden, match="this token does not open this app: "):
        tokens.subject(signed({"iss": "us", **claims}), lapsed=False)


def test_issuer_and_audience_are_as_configured(tmp_path: Path) -> None:
    tokens = with_secret(tmp_path, issuer="us", audience="apps")
    assert tokens.subject(signed({**CLAIMS, "iss": "us", "aud": ["apps", "more"]}), lapsed=False) == "ann"
    with pytest.raises(Forbidden):
        tokens.subject(signed({**CLAIMS, "iss": "us"}), lapsed=False)


def confused(public_key: rsa.RSAPublicKey) -> bytes:
    """Signed with the public key as if it were a secret, which PyJWT itself would not do (RFC 8725 section 2.1)."""
    secret = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head, payload, _ = signed(CLAIMS, kid="one").split(b".")
    signature = hmac.digest(secret, head + b"." + payload, "sha256")
    return b".".join((head, payload, base64.urlsafe_b64encode(signature).rstrip(b"=")))


def test_no_algorithm_but_the_configured_one_is_taken(tmp_path: Path) -> None:
    tokens = with_key_set(tmp_path, "one")
    assert tokens.subject(signed(CLAIMS, rsa_key("one")), lapsed=False) == "ann"
    unsigned = jwt.encode(CLAIMS, "", "none").encode()
    for token in (unsigned, signed(CLAIMS), confused(rsa_key("one").public_key())):
        with pytest.raises(Forbidden):
            tokens.subject(token, lapsed=False)
    with pytest.raises(Forbidden):
        with_secret(tmp_path).subject(unsigned, lapsed=False)


def test_of_several_keys_the_one_that_the_token_names_is_taken(tmp_path: Path) -> None:
    tokens = with_key_set(tmp_path, "one", "two")
    assert tokens.subject(signed(CLAIMS, rsa_key("two"), kid="two"), lapsed=False) == "ann"
    for token in (
        signed(CLAIMS, rsa_key("two")),
        signed(CLAIMS, rsa_key("two"), kid="one"),
        signed(CLAIMS, rsa_key("two"), kid="three"),
    ):
        with pytest.raises(Forbidden):
            tokens.subject(token, lapsed=False)


def test_a_token_of_a_key_that_is_gone_is_refused_although_it_was_good(tmp_path: Path) -> None:
    tokens = with_key_set(tmp_path, "one")
    token = signed(CLAIMS, rsa_key("one"))
    tokens.subject(token, lapsed=False)
    key_set(tmp_path, "two")
    tokens.load()
    with pytest.raises(Forbidden):
        tokens.subject(token, lapsed=False)


def test_a_token_that_was_good_ends_in_time(tmp_path: Path) -> None:
    tokens = with_secret(tmp_path, leeway_seconds=0)
    token = signed({"sub": "ann", "exp": OVER})
    assert tokens.subject(token, lapsed=True) == "ann"
    with pytest.raises(Forbidden, match="expired"):
        tokens.subject(token, lapsed=False)


def test_leeway_is_given_to_clocks_that_differ(tmp_path: Path) -> None:
    now = int(datetime.now(UTC).timestamp())
    tokens = with_secret(tmp_path, leeway_seconds=600)
    token = signed({"sub": "ann", "exp": now - 60, "nbf": now + 60})
    assert [tokens.subject(token, lapsed=False) for _ in range(2)] == ["ann", "ann"]


@pytest.mark.parametrize("text", [b"..", b"a.b.c", b"\xff.\xff.\xff", b"e30.e30.", b"bnVsbA.bnVsbA.bnVsbA"])
def test_what_is_no_token_is_refused(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(Forbidden):
        with_secret(tmp_path).subject(text, lapsed=False)


def test_each_subject_has_its_own_allowance_beside_the_keys(tmp_path: Path) -> None:
    keys = Keys("demo", Keyring(), with_secret(tmp_path, concurrency=1))
    ann, again, bob = (
        keys.identify(b"Bearer " + signed({**CLAIMS, "sub": name}), 0.0) for name in ("ann", "ann", "bob")
    )
    assert ann is again
    assert ann is not bob
    assert ann.limits.concurrency == 1


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"secret_env": "NO_SUCH_SECRET"}, "finds 0 bytes in the environment variable NO_SUCH_SECRET: let it hold"),
        ({"secret_file": "short"}, "finds 5 bytes in the file"),
        ({"secret_file": "none"}, "No such file or directory: name a file that can be read"),
        ({"jwks_file": "short"}, "let it be a JSON Web Key Set"),
        ({"jwks_file": "list"}, "let it be a JSON Web Key Set"),
        ({"jwks_file": "other"}, "let it be a JSON Web Key Set"),
    ],
)
def test_a_key_that_cannot_be_used_is_one_sentence(tmp_path: Path, settings: dict[str, str], sentence: str) -> None:
    (tmp_path / "short").write_text("short\n")
    (tmp_path / "list").write_text("[]")
    (tmp_path / "other").write_text('{"keys": [{"kty": "RSA"}]}')
    with pytest.raises(ConfigError, match=r"cerebrium.toml: tidegate.auth.jwt ") as mistake:
        JwtTokens(Jwt.model_validate(settings), tmp_path / "cerebrium.toml")
    assert sentence in str(mistake.value)


def test_a_key_that_can_be_guessed_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="add an RSA key of at least 2048 bits"):
        with_key_set(tmp_path, "small", bits=1024)


def test_a_broken_file_leaves_the_keys_as_they_were(tmp_path: Path) -> None:
    tokens = with_key_set(tmp_path, "one")
    (tmp_path / "jwks.json").write_text("{")
    with pytest.raises(ConfigError):
        tokens.load()
    assert tokens.subject(signed(CLAIMS, rsa_key("one")), lapsed=False) == "ann"
