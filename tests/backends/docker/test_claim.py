from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from proxy.backends.docker.claim import Claim
from proxy.errors import UserError


@pytest.fixture(autouse=True)
def runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def test_an_app_is_claimed_by_one_at_a_time() -> None:
    first, second = Claim("demo", Path("/a/cerebrium.toml")), Claim("demo", Path("/a/cerebrium.toml"))
    first.take()
    first.take()
    with pytest.raises(UserError, match="app demo is served by another `tidegate up`"):
        second.take()
    first.release()
    second.take()
    second.release()


def test_apps_of_the_same_name_in_other_folders_are_others() -> None:
    claims = [Claim("demo", Path(f"/{folder}/cerebrium.toml")) for folder in "ab"]
    for claim in claims:
        claim.take()
    for claim in claims:
        claim.release()


def test_a_claim_that_was_given_back_leaves_no_file(tmp_path: Path) -> None:
    claim, late = (Claim("demo", Path("/a/cerebrium.toml")) for _ in range(2))
    claim.take()
    with pytest.raises(UserError):
        late.take()
    late.release()
    assert len(list(tmp_path.iterdir())) == 1
    claim.release()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_its_holder_removed_meanwhile_is_not_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (Claim("demo", Path("/a/cerebrium.toml")) for _ in range(3))
    first.take()
    real = fcntl.flock
    calls: list[int] = []

    def flock(descriptor: int, operation: int) -> None:
        if not calls:
            first.release()  # between the open and the lock
        calls.append(operation)
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    second.take()
    with pytest.raises(UserError):
        third.take()
    second.release()


def test_a_folder_that_cannot_be_written_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/no/such/folder")
    with pytest.raises(UserError, match=r"cannot be written \(No such file or directory\): set TMPDIR"):
        Claim("demo", Path("/a/cerebrium.toml")).take()
