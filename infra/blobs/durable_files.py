"""Durable files: there whole or not at all, even after a power failure."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

_PRIVATE = 0o600
_PRIVATE_FOLDER = 0o700
_TRIES = 4


def write_durably(path: Path, content: bytes | Path) -> None:
    """Put bytes, or another file's content, at this path, and return when the disk has them.

    The folders above are made; they and the file are for their owner alone. Another process may
    remove a folder that is empty at that moment: it is made again. Raises OSError, for one on a
    full disk, and leaves nothing then.
    """
    for _ in range(_TRIES):
        with suppress(FileNotFoundError):
            return _write(path, content)
    return _write(path, content)


def _write(path: Path, content: bytes | Path) -> None:
    _make(path.parent)
    # A leading dot: no key begins like that, so a file left by a crash is never taken for a blob.
    unfinished = path.parent / f".{uuid4().hex}.part"
    try:
        with unfinished.open("xb") as file, _opened(content) as source:
            os.fchmod(file.fileno(), _PRIVATE)
            shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    _sync(path.parent)


@contextmanager
def _opened(content: bytes | Path) -> Iterator[BinaryIO]:
    with BytesIO(content) if isinstance(content, bytes) else content.open("rb") as source:
        yield source


def _make(folder: Path) -> None:
    if folder.is_dir():
        return
    _make(folder.parent)
    folder.mkdir(exist_ok=True, mode=_PRIVATE_FOLDER)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
