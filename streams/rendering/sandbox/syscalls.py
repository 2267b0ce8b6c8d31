"""The system calls that a confined process may make, with their numbers."""

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

ALLOWED: Final = frozenset(
    """
    brk munmap mremap madvise
    write close lseek fstat
    futex sched_yield sched_getaffinity set_robust_list rseq membarrier
    rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall
    clock_gettime clock_getres gettimeofday time times getrusage
    getpid gettid getuid geteuid getgid getegid getrandom
    exit exit_group
    """.split()  # noqa: SIM905 - a column of quoted words reads worse
)
"""Memory, time, threads that wait for each other, and writing to what is open already."""

REFUSED: Final[Mapping[str, int]] = dict.fromkeys(
    """
    open openat openat2 creat stat lstat newfstatat statx access faccessat faccessat2
    readlink readlinkat getcwd getdents64 read pread64 ioctl fcntl dup pipe pipe2
    fork vfork prctl prlimit64 getrlimit setrlimit
    sched_setaffinity sched_getparam sched_setscheduler setpriority get_mempolicy set_mempolicy
    sysinfo uname setuid setresuid nanosleep clock_nanosleep
    """.split(),  # noqa: SIM905 - as above
    errno.EACCES,
) | {"clone3": errno.ENOSYS}  # its flags cannot be looked at; glibc then takes clone
"""What libraries, Python among them, try and can do without."""


@dataclass(frozen=True, slots=True)
class SyscallTable:
    """One machine's names for the calls, as its kernel's unistd.h has them."""

    architecture: int  # AUDIT_ARCH_…
    of: Mapping[str, int]


def _syscall_table(architecture: int, table: str) -> SyscallTable:
    pairs = (entry.split("=") for entry in table.split())
    return SyscallTable(architecture, {name: int(number) for name, number in pairs})


SYSCALL_TABLES: Final[Mapping[str, SyscallTable]] = {
    "x86_64": _syscall_table(
        0xC000_003E,
        """
        read=0 write=1 open=2 close=3 stat=4 fstat=5 lstat=6 lseek=8 mmap=9 mprotect=10
        munmap=11 brk=12 rt_sigaction=13 rt_sigprocmask=14 rt_sigreturn=15 ioctl=16 pread64=17
        access=21 pipe=22 sched_yield=24 mremap=25 madvise=28 dup=32 nanosleep=35 getpid=39
        clone=56 fork=57 vfork=58 exit=60 uname=63 fcntl=72 getcwd=79 creat=85 readlink=89
        gettimeofday=96 getrlimit=97 getrusage=98 sysinfo=99 times=100 getuid=102 getgid=104
        setuid=105 geteuid=107 getegid=108 setresuid=117 sigaltstack=131 setpriority=141
        sched_getparam=143 sched_setscheduler=144 prctl=157 setrlimit=160 gettid=186 time=201
        futex=202 sched_setaffinity=203 sched_getaffinity=204 getdents64=217
        restart_syscall=219 clock_gettime=228 clock_getres=229 clock_nanosleep=230
        exit_group=231 tgkill=234 set_mempolicy=238 get_mempolicy=239 openat=257
        newfstatat=262 readlinkat=267 faccessat=269 set_robust_list=273 pipe2=293
        prlimit64=302 seccomp=317 getrandom=318 membarrier=324 statx=332 rseq=334 clone3=435
        openat2=437 faccessat2=439
        """,
    ),
    "aarch64": _syscall_table(
        0xC000_00B7,
        """
        getcwd=17 dup=23 fcntl=25 ioctl=29 faccessat=48 openat=56 close=57 pipe2=59
        getdents64=61 lseek=62 read=63 write=64 pread64=67 readlinkat=78 newfstatat=79
        fstat=80 exit=93 exit_group=94 futex=98 set_robust_list=99 nanosleep=101 clock_gettime=113
        clock_getres=114 clock_nanosleep=115 sched_setscheduler=119 sched_getparam=121
        sched_setaffinity=122 sched_getaffinity=123 sched_yield=124 restart_syscall=128
        tgkill=131 sigaltstack=132 rt_sigaction=134 rt_sigprocmask=135 rt_sigreturn=139
        setpriority=140 setuid=146 setresuid=147 times=153 uname=160 getrlimit=163
        setrlimit=164 getrusage=165 prctl=167 gettimeofday=169 getpid=172 getuid=174
        geteuid=175 getgid=176 getegid=177 gettid=178 sysinfo=179 brk=214 munmap=215
        mremap=216 clone=220 mmap=222 mprotect=226 madvise=233 get_mempolicy=236
        set_mempolicy=237 prlimit64=261 seccomp=277 getrandom=278 membarrier=283 statx=291
        rseq=293 clone3=435 openat2=437 faccessat2=439
        """,
    ),
}
"""By what platform.machine() says; elsewhere there is no filter."""
