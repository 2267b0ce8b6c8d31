"""Failpoints: named places where a process can be made to die, for tests."""

import os
from typing import Literal

Failpoint = Literal[
    "api.before_produce",
    "api.after_produce_before_ack",
    "api.after_ack_before_response",
    "decider.before_commit",
    "decider.after_commit_before_state",
    "dispatcher.after_send_before_commit",
    "operator.after_ask_before_note",
    "operator.after_note",
    "purger.after_keys_before_bytes",
    "purger.after_some_bytes",
    "purger.after_bytes_before_commit",
    "discarding.after_some_bytes",
    "discarding.before_confirming",
    "discarding.after_bytes_before_commit",
    "notifier.after_announcing_before_commit",
    "notifier.after_post_before_note",
    "worker.after_download",
    "worker.after_store_before_emit",
    "worker.after_emit_before_ack",
    "projections.after_rows_before_checkpoint",
    "projections.after_checkpoint",
    "rebuild.before_swap",
    "rebuild.after_swap",
    "export.after_file_before_manifest",
    "export.after_manifest",
    "export.after_blob",
    "export.after_blob_list",
    "restore.before_commit",
    "restore.after_commit",
]

_ARMED = os.environ.get("SCALEHOSTER_FAILPOINT", "")
_KILLED = 137  # what a shell reports of SIGKILL


def pass_by(name: Failpoint) -> None:
    """Die here, without clean-up, when ``SCALEHOSTER_FAILPOINT`` names this place."""
    if name == _ARMED:
        os._exit(_KILLED)
