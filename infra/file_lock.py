"""File locks: mutual exclusion across processes."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(file: Path, *, is_shared: bool = False) -> Iterator[None]:
    """Keep every other process that asks for this lock waiting; a killed holder frees it.

    Those who share it do not wait for each other.
    """
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX)
        yield
