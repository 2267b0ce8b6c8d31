"""The two files of a rendering job: its source, and the reply that a child writes."""

import os
from io import FileIO
from pathlib import Path


def open_source(source: bytes | Path) -> FileIO:
    """Open a source for reading; bytes go into a file in memory. Raises OSError."""
    if isinstance(source, Path):
        return FileIO(source)
    file = memory_file("source")
    rest = memoryview(source)
    while rest:
        rest = rest[file.write(rest) :]
    return file


def memory_file(name: str) -> FileIO:
    """Make a file that lies in memory and ends with the last process that holds it open."""
    return FileIO(os.memfd_create(name), "w+")


def read_whole(file: int, at_most: int) -> bytes:
    """Read a file from its beginning, wherever another process has left it; not more than that."""
    size = min(os.fstat(file).st_size, at_most)
    parts: list[bytes] = []
    at = 0
    while at < size and (part := os.pread(file, size - at, at)):
        parts.append(part)
        at += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
