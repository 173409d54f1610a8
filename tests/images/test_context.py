"""What is sent to the engine."""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
from pathlib import Path

import pytest

from proxy.errors import BuildError
from proxy.images.context import Context


def archived(context: Context, digest: bytes = b"") -> tarfile.TarFile:
    async def read() -> bytes:
        return b"".join([piece async for piece in context.archive(digest)])

    return tarfile.open(fileobj=io.BytesIO(asyncio.run(read())))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_bytes(b"x" * 1500)
    (tmp_path / "run.sh").write_text("#!/bin/sh")
    (tmp_path / "run.sh").chmod(0o700)
    (tmp_path / "link").symlink_to("main.py")
    return tmp_path


def files(folder: Path) -> Context:
    return Context({"app/main.py": folder / "main.py", "run.sh": folder / "run.sh", "link": folder / "link", "a": b"b"})


def test_archive_has_every_file_with_its_content(folder: Path) -> None:
    archive = archived(files(folder))
    assert archive.getnames() == ["a", "app/main.py", "link", "run.sh"]
    found = archive.extractfile("app/main.py")
    assert found is not None
    assert found.read() == b"x" * 1500


def test_a_program_stays_a_program_and_a_link_a_link(folder: Path) -> None:
    archive = archived(files(folder))
    assert [archive.getmember(name).mode for name in ("run.sh", "app/main.py")] == [0o755, 0o644]
    assert archive.getmember("link").issym()
    assert archive.getmember("link").linkname == "main.py"


def test_digest_does_not_know_times_owners_and_folders(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = files(folder).digest()
    os.utime(folder / "main.py", (0, 0))
    (folder / "run.sh").chmod(0o755)
    moved = folder.rename(tmp_path_factory.mktemp("other") / "app")
    assert files(moved).digest() == before


def test_digest_knows_content_names_and_who_may_execute(folder: Path) -> None:
    plain = files(folder)
    digests = {plain.digest(), Context({**plain.files, "a": b"c"}).digest(), Context({"b": b"b"}).digest()}
    (folder / "run.sh").chmod(0o600)
    digests.add(plain.digest())
    (folder / "link").unlink()
    (folder / "link").symlink_to("run.sh")
    digests.add(plain.digest())
    assert len(digests) == 5


def test_a_file_that_is_gone_is_named(folder: Path) -> None:
    context = files(folder)
    (folder / "main.py").unlink()
    with pytest.raises(BuildError, match=r"main\.py cannot be read for the image \(No such file or directory\)"):
        archived(context)


def test_a_file_that_shrinks_while_it_is_sent_is_no_archive(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = Context({"main.py": folder / "main.py"})
    real = Path.open

    def truncated(self: Path, mode: str) -> io.BytesIO:
        with real(self, mode) as file:
            return io.BytesIO(file.read()[:7])

    monkeypatch.setattr(Path, "open", truncated)
    with pytest.raises(BuildError, match=r"main\.py changed while it was being sent"):
        archived(context)


def test_what_changes_before_it_is_sent_does_not_get_the_tag_of_what_it_was(folder: Path) -> None:
    context = Context(files(folder).files, {"settings": b"export A=1"})
    digest = context.digest()
    assert "settings" in archived(context, digest).getnames()
    (folder / "main.py").write_bytes(b"y" * 1500)
    with pytest.raises(BuildError, match="files of the app changed while they were being sent"):
        archived(context, digest)
