"""The command API as a process, with a real broker and a real decider."""

import asyncio
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from avro_schemas.codec import decode
from domain.events import Event
from infra.errors import BrokerUnavailable
from infra.http.authentication.api_key_table import ApiKeyTable, follow_api_keys
from infra.http.authentication.api_keys import (
    ApiKey,
    issue_api_key,
    revoke_api_key,
    stored_api_keys,
)
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.probe import KafkaProbe
from infra.kafka.producer import RecordProducer
from infra.kafka.topics import ASSET_EVENTS
from tests.support.command_api_process import CommandApi, command_api, decider
from tests.support.eventually import eventually
from tests.support.samples import ACME
from tests.support.servers import Servers

CAT = {"download_url": "https://example.com/cat.jpg", "category": "cats"}
NEW_CATEGORY = CAT | {"create_missing_categories": True}


@pytest.fixture
def kafka(servers: Servers, topic_prefix: str) -> Kafka:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka)
    return kafka


@pytest.fixture
def issued(kafka: Kafka) -> tuple[ApiKey, str]:
    async def issue_one() -> tuple[ApiKey, str]:
        async with RecordProducer(kafka) as sender:
            now = datetime.now(UTC)
            return await issue_api_key(
                sender, tenant_id=ACME, scopes=("admin",), name="test", now=now
            )

    return asyncio.run(issue_one())


@pytest.fixture
def deciding(kafka: Kafka, tmp_path: Path) -> Iterator[None]:
    with decider(kafka, tmp_path):
        yield


def post(api: CommandApi, key: str, body: dict[str, Any], **headers: str) -> httpx2.Response:
    sent = {"authorization": f"Bearer {key}", "prefer": "wait=3"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return httpx2.post(f"{api.url}/v1/assets", json=body, headers=sent, timeout=30)


def submissions(kafka: Kafka) -> Counter[str]:
    with read_from_beginning(kafka, ASSET_EVENTS) as reader:
        found = [decode(record.value) for record in reader.read_to_end()]
    return Counter(event.metadata.entity_id for event in found if isinstance(event, Event))


@pytest.mark.slow
@pytest.mark.usefixtures("deciding")
def test_a_key_means_the_same_write_on_every_instance_and_after_all_died(
    kafka: Kafka, tmp_path: Path, issued: tuple[ApiKey, str]
) -> None:
    _, key = issued
    again = partial(post, key=key, body=NEW_CATEGORY, idempotency_key="k-1")
    with command_api(kafka, tmp_path) as one, command_api(kafka, tmp_path) as other:
        eventually(partial(_accepted, again, one), within_seconds=60)
        with ThreadPoolExecutor(10) as threads:
            answers = list(threads.map(again, [one, other] * 10))
    with command_api(kafka, tmp_path) as successor:
        answers.append(again(successor))
        reused = post(successor, key, NEW_CATEGORY | {"title": "x"}, idempotency_key="k-1")
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert reused.status_code == 422
    assert submissions(kafka) == {answers[0].json()["asset_id"]: 1}


def _accepted(send: Callable[[CommandApi], httpx2.Response], api: CommandApi) -> bool:
    """Tell that the decider owns its partitions, by sending again."""
    return bool(send(api).json()["status"] == "submitted")


@pytest.mark.slow
@pytest.mark.usefixtures("deciding")
@pytest.mark.parametrize(
    "failpoint",
    ["api.before_produce", "api.after_produce_before_ack", "api.after_ack_before_response"],
)
def test_wherever_an_instance_dies_sending_again_inserts_once(
    kafka: Kafka, tmp_path: Path, issued: tuple[ApiKey, str], failpoint: str
) -> None:
    _, key = issued
    with command_api(kafka, tmp_path) as api:
        send = partial(post, key=key, body=NEW_CATEGORY, idempotency_key="before")
        eventually(partial(_accepted, send, api), within_seconds=60)
    with command_api(kafka, tmp_path, failpoint) as dying:
        with pytest.raises(httpx2.TransportError):
            post(dying, key, CAT, idempotency_key="k-1")
        eventually(lambda: dying.process.poll() == 137)
    with command_api(kafka, tmp_path) as successor:
        answer = post(successor, key, CAT, idempotency_key="k-1")
    assert answer.json()["status"] == "submitted"
    assert submissions(kafka)[answer.json()["asset_id"]] == 1


def test_a_revoked_key_is_refused_by_a_running_instance(
    kafka: Kafka, tmp_path: Path, issued: tuple[ApiKey, str]
) -> None:
    api_key, key = issued

    async def revoke_it() -> None:
        async with RecordProducer(kafka) as sender:
            await revoke_api_key(sender, api_key, now=datetime.now(UTC))

    with command_api(kafka, tmp_path) as api:
        send = partial(post, api, key, CAT, prefer="respond-async")
        assert send().status_code == 202
        asyncio.run(revoke_it())
        eventually(lambda: send().status_code == 401, within_seconds=5)
    assert stored_api_keys(kafka)[api_key.key_id].revoked_at is not None


def test_a_table_of_keys_follows_the_topic(kafka: Kafka, issued: tuple[ApiKey, str]) -> None:
    api_key, key = issued
    table = ApiKeyTable()
    with follow_api_keys(kafka, table) as tail:
        assert tail.wait_until_current(30)
        assert table.authenticate(key).key_id == api_key.key_id


def test_told_to_stop_it_is_unready_first_and_ends_what_is_under_way(
    kafka: Kafka, tmp_path: Path, issued: tuple[ApiKey, str]
) -> None:
    _, key = issued  # no decider runs: a write waits as long as it may
    with command_api(kafka, tmp_path) as api, ThreadPoolExecutor(1) as threads:
        before = httpx2.get(f"{api.url}/metrics").text
        assert "scalehoster_writes_in_flight 0.0" in before
        waiting = threads.submit(post, api, key, CAT, prefer="wait=5")
        eventually(
            lambda: "scalehoster_writes_in_flight 1.0" in httpx2.get(f"{api.url}/metrics").text
        )
        api.terminate()
        eventually(lambda: httpx2.get(f"{api.url}/readyz").status_code == 503)
        assert httpx2.get(f"{api.url}/livez").status_code == 200
        assert waiting.result().json()["status"] == "pending"
        eventually(lambda: api.process.poll() is not None, within_seconds=20)
        assert api.process.returncode in (0, -signal.SIGTERM)


def test_a_broker_that_is_not_there_is_noticed() -> None:
    probe = KafkaProbe(Kafka(bootstrap_servers="127.0.0.1:9"))
    with pytest.raises(BrokerUnavailable):
        asyncio.run(probe())
