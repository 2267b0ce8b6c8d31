"""Instance slots: a folder and a number that no other process of the kind on this machine has."""

from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import IO

_MAX_INSTANCES = 64


def claim_instance_slot(directory: Path) -> tuple[Path, IO[str]]:
    """Take the first numbered folder that no other process holds, until the file is closed.

    The number may also name a transactional id, so that a process that starts after a kill ends
    what its predecessor left open instead of waiting for the time-out. Raises RuntimeError when
    there are too many.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for number in range(_MAX_INSTANCES):
        held = (directory / f"{number}.lock").open("w")
        try:
            flock(held, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            held.close()
        else:
            return directory / str(number), held
    raise RuntimeError(f"{_MAX_INSTANCES} processes already use {directory}")
