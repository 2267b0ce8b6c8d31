"""The servers that a measurement runs on: those named, or a cluster of its own."""

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache

from infra.kafka.client import Kafka
from tests.support.servers import Servers, start_servers

_STACK = ExitStack()


@cache
def bench_servers() -> Servers:
    """Start them once a run; ``stop_servers`` ends them."""
    return start_servers(os.environ.get("SCALEHOSTER_TEST_SERVERS", ""), _STACK)


def stop_servers() -> None:
    """Stop what was started."""
    _STACK.close()
    bench_servers.cache_clear()


@contextmanager
def bench_kafka() -> Iterator[Kafka]:
    """Give one measurement topics of its own; removed after it."""
    kafka = Kafka(
        bootstrap_servers=bench_servers().bootstrap_servers,
        topic_prefix=f"b{uuid.uuid4().hex[:8]}-",
    )
    yield kafka
    admin = kafka.admin()
    names = [name for name in admin.list_topics().topics if name.startswith(kafka.topic_prefix)]
    for removed in (admin.delete_topics(names) if names else {}).values():
        removed.result(timeout=30)
