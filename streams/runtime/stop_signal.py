"""The stop signal: SIGTERM and SIGINT end a process in order."""

import asyncio
import signal


def stop_signal() -> asyncio.Event:
    """Return an event that SIGTERM or SIGINT sets; call it in the running loop."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping
