"""Confinement: gives up, for good, all that decoding a picture does not need (Linux)."""

import contextlib
import ctypes
import os
import resource
import signal
from typing import Final

from streams.rendering.render_limits import RenderLimits
from streams.rendering.sandbox import syscall_filter

_NOBODY: Final = 65534
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38

_libc = ctypes.CDLL(None, use_errno=True)


def confine(limits: RenderLimits) -> bool:
    """Bound memory and time; allow no new file, socket, process or privilege.

    Files that are open stay usable. Whoever runs as root becomes nobody first, for root may raise
    its own limits. Where the kernel filters system calls nothing but decoding is possible, and
    threads are; elsewhere not even those, and the answer is False. Raises OSError when the kernel
    refuses: then nothing may be decoded.
    """
    if os.geteuid() == 0:
        _become_nobody()
    die_with_parent()  # again, for the change of user has cleared it
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    is_filtered = syscall_filter.is_available()
    bounds = {
        resource.RLIMIT_AS: limits.max_memory_bytes,
        resource.RLIMIT_FSIZE: limits.max_result_bytes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 0,
    }
    if not is_filtered:
        bounds[resource.RLIMIT_NPROC] = 0  # would forbid threads as well; the filter knows better
    for kind, most in bounds.items():
        resource.setrlimit(kind, (most, most))
    # The signal that says why comes at the first of the two, SIGKILL at the second.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    if is_filtered:
        syscall_filter.install()  # last, for it also refuses all of the above
    return is_filtered


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _become_nobody() -> None:
    with contextlib.suppress(PermissionError):  # a root without CAP_SETUID has no power to drop
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _prctl(option: int, argument: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(argument), 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option} was refused")
