"""Topics: made by this admin step, never by a client."""

import typer

from cli.output import AsJson, show_table
from infra.kafka.admin import apply_topics, check_topics
from infra.kafka.topics import FOREVER_MS, TOPICS
from infra.settings import load

app = typer.Typer(no_args_is_help=True, help=__doc__)


@app.command("apply")
def apply(*, as_json: AsJson = False) -> None:
    """Make the topics that are missing."""
    made = apply_topics(load().kafka.connection())
    show_table([{"made": name} for name in made], as_json=as_json, title="topics made")


@app.command("check")
def check(*, as_json: AsJson = False) -> None:
    """Compare every topic with its declaration; exit 1 when an event could be lost."""
    check_topics(load().kafka.connection())
    show_table(
        [
            {
                "topic": topic.name,
                "partitions": topic.partitions,
                "kept": "for ever"
                if topic.retention_ms == FOREVER_MS
                else f"{topic.retention_ms / 3_600_000:g} h",
                "cleanup": topic.cleanup,
            }
            for topic in TOPICS
        ],
        as_json=as_json,
    )
