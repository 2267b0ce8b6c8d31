"""Preflight checks: what makes a server fail obscurely once it runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from infra.local_cluster.errors import DiskNearlyFull, PortTaken
from infra.local_cluster.ports import LOOPBACK, is_free

_LEAST_FREE_BYTES = 2 * 1024**3


class DiskUsage(Protocol):
    """What `shutil.disk_usage` answers, as far as we look."""

    @property
    def free(self) -> int:
        """Bytes still free."""


def check_port(server: str, port: int, setting: str) -> None:
    """Raise PortTaken when another program listens there."""
    if not is_free(port):
        raise PortTaken(
            f"{server} cannot listen on {LOOPBACK}:{port}: another program has the port. "
            f"Stop that, or choose another with {setting}=…"
        )


def check_disk(server: str, directory: Path, disk_usage: Callable[[Path], DiskUsage]) -> None:
    """Raise DiskNearlyFull when the server could not work for long."""
    free = disk_usage(directory).free
    if free < _LEAST_FREE_BYTES:
        raise DiskNearlyFull(
            f"{server} wants {_LEAST_FREE_BYTES / 1e9:.1f} GB of free disk and "
            f"{directory} has {free / 1e9:.1f} GB. "
            "Make room, or name another disk with SCALEHOSTER_DATA_DIR=…"
        )
