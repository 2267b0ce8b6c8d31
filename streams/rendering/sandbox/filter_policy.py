"""The filter policy: what happens where the kernel does not filter system calls."""

import logging

from infra.errors import SettingsWrong
from streams.rendering.sandbox import syscall_filter

log = logging.getLogger(__name__)


def check_filter(*, is_required: bool) -> None:
    """Warn where decoders are bounded in memory and time but may ask the kernel for anything.

    Raises SettingsWrong there instead where the filter is required, as in production. HEIC, whose
    decoder needs a thread, is refused on such a machine in any environment.
    """
    if syscall_filter.is_available():
        return
    if is_required:
        raise SettingsWrong(
            "environment: production decodes pictures only where the kernel filters system calls "
            "(seccomp, on x86-64 or ARM64), and this one does not"
        )
    log.warning("no seccomp here: decoders are bounded, not filtered, and HEIC is refused")
