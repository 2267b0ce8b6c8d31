"""The seccomp filter: allows only the system calls that decoding needs."""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator
from typing import Final

from streams.rendering.sandbox.syscalls import ALLOWED, REFUSED, SYSCALL_TABLES, SyscallTable

_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2
_SECCOMP_GET_ACTION_AVAIL: Final = 2

_KILL: Final = 0x8000_0000  # the whole process, with SIGSYS
_ALLOW: Final = 0x7FFF_0000
_REFUSE: Final = 0x0005_0000  # with the error number in the lower half

_LOAD: Final = 0x20
_JUMP_IF_EQUAL: Final = 0x15
_JUMP_IF_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06

_NUMBER_AT: Final = 0
_ARCHITECTURE_AT: Final = 4
_FIRST_ARGUMENT_AT: Final = 16  # its lower half, on machines that are little-endian
_THIRD_ARGUMENT_AT: Final = 32

_PROT_EXEC: Final = 4
_CLONE_THREAD: Final = 0x1_0000

_INSTRUCTION: Final = struct.Struct("@HBBI")

_libc = ctypes.CDLL(None, use_errno=True)

Instruction = bytes


def is_available() -> bool:
    """Tell whether this kernel, on this kind of machine, takes the filter."""
    numbers = SYSCALL_TABLES.get(platform.machine())
    if numbers is None:
        return False
    action = ctypes.c_uint32(_KILL)
    answer = _libc.syscall(
        numbers.of["seccomp"], _SECCOMP_GET_ACTION_AVAIL, 0, ctypes.byref(action)
    )
    return bool(answer == 0)


def install() -> None:
    """Filter this thread and all it starts, for ever; needs PR_SET_NO_NEW_PRIVS.

    What libraries try of their own accord (look for a file, count processors) is refused by an
    error they know. What no decoder ever does ends the process by SIGSYS. Memory that may be
    written is never run, and threads may be started, but no process. Raises OSError when the
    kernel refuses, KeyError on a machine that is_available denies.
    """
    code = b"".join(_instructions(SYSCALL_TABLES[platform.machine()], os.getpid()))
    place = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(code) // _INSTRUCTION.size, ctypes.addressof(place))
    if _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel refused the filter")


def _instructions(numbers: SyscallTable, pid: int) -> Iterator[Instruction]:
    yield _instruction(_LOAD, _ARCHITECTURE_AT)
    yield _instruction(_JUMP_IF_EQUAL, numbers.architecture, over=1)
    yield _instruction(_RETURN, _KILL)
    yield _instruction(_LOAD, _NUMBER_AT)
    for name in ALLOWED & numbers.of.keys():
        yield from _when(numbers.of[name], _instruction(_RETURN, _ALLOW))
    for name, error in REFUSED.items():
        if name in numbers.of:
            yield from _when(numbers.of[name], _instruction(_RETURN, _REFUSE | error))
    for name in ("mmap", "mprotect"):
        yield from _when(
            numbers.of[name],
            _instruction(_LOAD, _THIRD_ARGUMENT_AT),
            _instruction(_JUMP_IF_ANY_BIT, _PROT_EXEC, over=1),
            _instruction(_RETURN, _ALLOW),
            _instruction(_RETURN, _REFUSE | errno.EACCES),
        )
    yield from _when(
        numbers.of["clone"],
        _instruction(_LOAD, _FIRST_ARGUMENT_AT),
        _instruction(_JUMP_IF_ANY_BIT, _CLONE_THREAD, over=1),
        _instruction(_RETURN, _REFUSE | errno.EACCES),
        _instruction(_RETURN, _ALLOW),
    )
    yield from _when(  # abort() is a signal to oneself
        numbers.of["tgkill"],
        _instruction(_LOAD, _FIRST_ARGUMENT_AT),
        _instruction(_JUMP_IF_EQUAL, pid, over=1),
        _instruction(_RETURN, _KILL),
        _instruction(_RETURN, _ALLOW),
    )
    yield _instruction(_RETURN, _KILL)


def _when(number: int, *then: Instruction) -> Iterator[Instruction]:
    """Do this for one call, and step over it for the others."""
    yield _instruction(_JUMP_IF_EQUAL, number, otherwise_over=len(then))
    yield from then


def _instruction(code: int, value: int, over: int = 0, otherwise_over: int = 0) -> Instruction:
    return _INSTRUCTION.pack(code, over, otherwise_over, value)
