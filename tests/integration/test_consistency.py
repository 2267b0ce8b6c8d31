"""A view is proved equal to a real log; rows that are not are named, and put right."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from cassandra.cluster import Session

from domain.asset import decide, replay
from domain.asset.commands import DescribeAsset
from domain.asset.events import AssetEvent
from domain.category import Catalogue
from domain.values import TenantId
from infra.cassandra.column_encryption import decrypted_row
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.settings import CassandraSettings, KafkaSettings, Settings
from projections.verification.consistency_checks import ConsistencyChecks
from read_models.assets_by_date.projection import LISTING
from read_models.consistency_results import ConsistencyResult
from read_models.installation import apply_views
from tests.integration.test_projections import TOPICS, projections, wait_until_applied
from tests.support.long_histories import Appender, categories_of, picture
from tests.support.samples import metadata
from tests.support.servers import Servers

PICTURES = 40
ACME = TenantId("acme")
YESTERDAY = datetime.now(UTC) - timedelta(days=1)
LATELY_US = int((time.time() - 600) * 1_000_000)

WHERE = " WHERE tenant_id = %s AND day = %s AND created_at_us = %s AND asset_id = %s"


@pytest.fixture(scope="module")
def keyspace(servers: Servers, cql: Session) -> Iterator[CassandraSettings]:
    made = CassandraSettings(
        host=servers.cassandra_host,
        port=servers.cassandra_port,
        keyspace=f"t{uuid.uuid4().hex[:8]}",
    )
    apply_views(made)
    yield made
    cql.execute(f"DROP KEYSPACE {made.keyspace}")


@contextmanager
def writing(kafka: Kafka) -> Iterator[None]:
    """Change the same few pictures all the time."""
    stopping = Event()
    _, catalogue = categories_of(ACME, YESTERDAY)

    def write() -> None:
        appender = Appender(kafka, "writer")
        number = PICTURES
        while not stopping.wait(0.1):
            number += 1
            for event in picture(ACME, number, catalogue, datetime.now(UTC), events=6):
                appender.append([event])

    thread = Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def test_rows_that_are_not_as_the_log_says_are_named_and_put_right_while_others_write(
    servers: Servers,
    topic_prefix: str,
    keyspace: CassandraSettings,
    cql: Session,
    tmp_path: Path,
) -> None:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka, TOPICS)
    appender = Appender(kafka)
    events, catalogue = categories_of(ACME, YESTERDAY)
    appender.append(events)
    for number in range(PICTURES):
        appender.append(picture(ACME, number, catalogue, YESTERDAY + timedelta(minutes=number)))
    host, _, port = kafka.bootstrap_servers.partition(":")
    settings = Settings(
        kafka=KafkaSettings(host=host, port=int(port), topic_prefix=topic_prefix),
        cassandra=keyspace,
        data_dir=tmp_path,
    )

    prefix = f"{keyspace.keyspace}."

    def run(statement: str, *parameters: object) -> None:
        text = statement.replace("$", prefix).replace("@", str(LATELY_US)).replace("&", WHERE)
        cql.execute(text, parameters)

    with projections(kafka, keyspace), ConsistencyChecks(settings) as checks:
        wait_until_applied(cql, keyspace, kafka)  # it may take long to start
        with writing(kafka):
            before = checks.check("assets_by_date")
            assert (before.difference_count, before.waiting_count) == (0, 0)
            assert before.row_count >= PICTURES

            rows = list(cql.execute("SELECT * FROM $assets_by_date_g1".replace("$", prefix)))
            old = sorted(rows, key=lambda row: row.created_at_us)
            late, spoilt, buried = (
                (r.tenant_id, r.day, r.created_at_us, r.asset_id) for r in old[:3]
            )
            run("DELETE FROM $assets_by_date_g1 USING TIMESTAMP @&", *buried)
            run("UPDATE $assets_by_date_g1 USING TIMESTAMP @ SET media_type = 'x'&", *spoilt)
            run(
                "INSERT INTO $assets_by_date_g1 (tenant_id, day, created_at_us, asset_id,"
                " media_type)"
                " VALUES ('acme', '1999-01-01', 1, 'ghost', 'boo') USING TIMESTAMP @"
            )
            run(
                "INSERT INTO $date_buckets_g1 (tenant_id, day)"
                " VALUES ('acme', '1999-01-01') USING TIMESTAMP @"
            )

            named = checks.check("assets_by_date")
            assert kinds(named) == {
                ("assets_by_date", "missing", buried[3]),
                ("assets_by_date", "differs", spoilt[3]),
                ("assets_by_date", "extra", "ghost"),
                ("date_buckets", "extra", "1999-01-01"),
            }
            (changed,) = [d.columns for d in named.differences if d.kind == "differs"]
            assert changed == {"media_type": (old[1].media_type, "x")}
            (kept,) = checks.results.all()
            assert (kept.positions, kinds(kept)) == (named.positions, kinds(named))

            mended = checks.check("assets_by_date", repairs=True)
            assert (mended.difference_count, mended.repaired_count) == (0, 4)
            appender.append(titled(1, catalogue))  # what comes later is not held up by the repair
            assert checks.check("assets_by_date").is_equal
            found = cql.execute(
                "SELECT title FROM $assets_by_date_g1&".replace("$", prefix).replace("&", WHERE),
                spoilt,
            )
            assert decrypted_row({"title": found.one().title}, LISTING) == {"title": "Later"}

            run("UPDATE $assets_by_date_g1 SET media_type = 'new'&", *late)
            fresh = checks.check("assets_by_date", repairs=True)
            assert (fresh.difference_count, fresh.repaired_count) == (1, 0)  # younger than a minute


def titled(number: int, catalogue: Catalogue) -> list[AssetEvent]:
    """Give one of the pictures another title now."""
    made = replay(picture(ACME, number, catalogue, YESTERDAY + timedelta(minutes=number)))
    assert made is not None
    about = metadata(made.asset_id, tenant_id=ACME)
    command = DescribeAsset(metadata=about, patch='{"title": "Later"}')
    return list(decide(command, made, catalogue, datetime.now(UTC)))


def kinds(result: ConsistencyResult) -> set[tuple[str, str, object]]:
    assert result.difference_count == len(result.differences)
    return {(each.table, each.kind, list(each.key.values())[-1]) for each in result.differences}
