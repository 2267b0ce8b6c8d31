"""The scratch folder of a process, and the removal of those that killed processes left."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from tempfile import mkdtemp


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Give a new folder below ``parent`` and remove it afterwards.

    Its lock is held as long as this process lives, so another process that starts can tell which
    folders nobody uses any more, and removes them.
    """
    parent.mkdir(parents=True, exist_ok=True)
    with _lock(parent / "lock"):  # nobody takes a folder for abandoned that is just being made
        _remove_abandoned(parent)
        folder = Path(mkdtemp(dir=parent))
        held = (folder / "lock").open("w")
        flock(held, LOCK_EX)
    try:
        with held:
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as held:
        flock(held, LOCK_EX)
        yield


def _remove_abandoned(parent: Path) -> None:
    for lock in parent.glob("*/lock"):
        with lock.open("w") as held:
            try:
                flock(held, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(lock.parent, ignore_errors=True)
