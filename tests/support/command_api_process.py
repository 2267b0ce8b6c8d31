"""The command API and its decider as processes of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx2

from infra.kafka.client import Kafka
from infra.local_cluster import free_port
from tests.support.eventually import eventually

_ROOT = Path(__file__).parents[2]


class CommandApi:
    """One instance; ``url`` is where it listens."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self.process = process
        self.url = url

    def is_ready(self) -> bool:
        """Ask whether it can work."""
        return httpx2.get(f"{self.url}/readyz", timeout=10).status_code == 200

    def kill(self) -> None:
        """Let it die without a word."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> None:
        """Ask it to stop."""
        self.process.send_signal(signal.SIGTERM)


@contextmanager
def command_api(kafka: Kafka, data_dir: Path, failpoint: str = "") -> Iterator[CommandApi]:
    """Run an instance that is ready."""
    port = free_port()
    environment = _environment(kafka, data_dir) | {
        "SCALEHOSTER_COMMAND_API__PORT": str(port),
        "SCALEHOSTER_FAILPOINT": failpoint,
    }
    with subprocess.Popen([sys.executable, "-m", "command_api"], env=environment, cwd=_ROOT) as it:
        instance = CommandApi(it, f"http://127.0.0.1:{port}")
        try:
            eventually(instance.is_ready, within_seconds=60)
            yield instance
        finally:
            instance.kill()


@contextmanager
def decider(kafka: Kafka, data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a decider."""
    arguments = [sys.executable, "-m", "command_api.decider"]
    with subprocess.Popen(arguments, env=_environment(kafka, data_dir), cwd=_ROOT) as process:
        try:
            yield process
        finally:
            process.terminate()
            eventually(partial(_has_ended, process), within_seconds=30)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is not None


def _environment(kafka: Kafka, data_dir: Path) -> dict[str, str]:
    host, _, port = kafka.bootstrap_servers.partition(":")
    return os.environ | {
        "SCALEHOSTER_KAFKA__HOST": host,
        "SCALEHOSTER_KAFKA__PORT": port,
        "SCALEHOSTER_KAFKA__TOPIC_PREFIX": kafka.topic_prefix,
        "SCALEHOSTER_DATA_DIR": str(data_dir),
        "SCALEHOSTER_SECRET": "a secret that all the tests have in common",
    }
