"""Free ports of this machine's loopback."""

import random
import socket

LOOPBACK = "127.0.0.1"

# Below the range that the kernel hands to outgoing connections, so that a port which
# was free a moment ago is not given away before its server binds it.
_CANDIDATES = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Say whether a server could listen on this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def is_listening(port: int) -> bool:
    """Say whether something accepts connections on this port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False


def free_port() -> int:
    """Pick a port that nothing listens on, at random so that two pickers rarely meet."""
    for port in random.sample(_CANDIDATES, k=len(_CANDIDATES)):
        if is_free(port):
            return port
    raise OSError(f"no free port between {_CANDIDATES.start} and {_CANDIDATES.stop}")
