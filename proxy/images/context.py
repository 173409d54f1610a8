"""What is sent to the engine for a build: files under names, with one hash and as one archive."""

from __future__ import annotations

import asyncio
import hashlib
import stat
import tarfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from proxy.errors import BuildError

_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Context:
    """Names with "/" between folders → content, or the file that has it; symbolic links stay links.

    The hash and the archive tell content, names and who may execute; never times, owners or this machine's folders.
    `beside` is in the archive only.
    """

    files: Mapping[str, bytes | Path]
    beside: Mapping[str, bytes] = field(default_factory=dict)

    def digest(self) -> bytes:
        """32 bytes that change with anything in it; reads every file; raises BuildError."""
        whole = hashlib.sha256()
        for name, source in sorted(self.files.items()):
            with _readable(name):
                whole.update(_member(name, source).tobuf(tarfile.PAX_FORMAT))
                for piece in _pieces(source):
                    whole.update(piece)
        return whole.digest()

    async def archive(self, digest: bytes = b"") -> AsyncIterator[bytes]:
        """A tar archive, read piece by piece in a thread; raises BuildError, also if what had `digest` has changed."""
        whole = hashlib.sha256()
        for name, source in sorted({**self.files, **self.beside}.items()):
            with _readable(name):
                member = _member(name, source)
                sent, counted = 0, whole if name in self.files else hashlib.sha256()
                counted.update(header := member.tobuf(tarfile.PAX_FORMAT))
                yield header
                pieces = _pieces(source)
                while piece := await asyncio.to_thread(_next, pieces, counted):
                    sent += len(piece)
                    yield piece
            if sent != member.size:
                raise BuildError(f"{name} changed while it was being sent to the Docker Engine: build again")
            yield bytes(-sent % tarfile.BLOCKSIZE)
        if digest not in {b"", whole.digest()}:
            raise BuildError("files of the app changed while they were being sent to the Docker Engine: build again")
        yield bytes(2 * tarfile.BLOCKSIZE)


def _next(pieces: Iterator[bytes], counted: hashlib._Hash) -> bytes:
    piece = next(pieces, b"")
    counted.update(piece)
    return piece


def _member(name: str, source: bytes | Path) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    if isinstance(source, bytes):
        member.size = len(source)
    elif source.is_symlink():
        member.type, member.linkname = tarfile.SYMTYPE, str(source.readlink())
    else:
        status = source.stat()
        member.size = status.st_size
        member.mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
    return member


def _pieces(source: bytes | Path) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
    elif not source.is_symlink():
        with source.open("rb") as file:
            yield from _read(file)


def _read(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or name
        raise BuildError(f"{where} cannot be read for the image ({error.strerror}): mend or exclude it") from error
