"""The names under which brokers keep offsets: a group under another name would begin anew."""

import ast
from pathlib import Path

from infra.kafka.offsets.lag import GROUP_TOPICS

ROOT = Path(__file__).parents[2]

# As brokers know them; a module that moves takes none of them along.
KNOWN = {
    "command_api.decider": {"asset-commands", "category-commands"},
    "projections": {"asset-events", "category-events", "operation-events", "command-results"},
    "streams.discarding": {"discarded-blobs"},
    "streams.dispatching": {"asset-events"},
    "streams.image-jobs.retry-10m": {"image-jobs.retry-10m"},
    "streams.image-jobs.retry-10s": {"image-jobs.retry-10s"},
    "streams.image-jobs.retry-1m": {"image-jobs.retry-1m"},
    "streams.notifying": {"asset-events"},
    "streams.notifying.deliveries": {"webhook-deliveries"},
    "streams.notifying.redeliveries": {"webhook-redeliveries"},
    "streams.operating": {"operation-commands"},
    "streams.processing": {"image-jobs"},
    "streams.purging": {"asset-events"},
    "streams.webhook-deliveries.hold-10m": {"webhook-deliveries.hold-10m"},
    "streams.webhook-deliveries.hold-10s": {"webhook-deliveries.hold-10s"},
    "streams.webhook-deliveries.hold-1h": {"webhook-deliveries.hold-1h"},
    "streams.webhook-deliveries.hold-1m": {"webhook-deliveries.hold-1m"},
    "streams.webhook-deliveries.hold-1s": {"webhook-deliveries.hold-1s"},
}
# Put together where they are used: from another of these names, or from the name of a topic.
COMPOSED = {"streams.notifying.deliveries", "streams.notifying.redeliveries"}


def test_groups_keep_their_names() -> None:
    read = {group: {topic.name for topic in topics} for group, topics in GROUP_TOPICS.items()}
    assert read == KNOWN


def test_each_process_takes_part_under_a_known_name() -> None:
    said = {
        node.value
        for package in ("command_api", "projections", "streams")
        for file in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    composed = COMPOSED | {group for group in KNOWN if f"streams.{'.'.join(KNOWN[group])}" == group}
    assert set(KNOWN) - composed <= said
