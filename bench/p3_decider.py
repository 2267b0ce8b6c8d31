"""P3: the decider against the bare consume-produce-commit loop, on one broker.

Both sides read the same SubmitAsset commands and append one event each, in transactions of the
same batch; the decider also decodes, folds, decides, remembers and answers. Rounds alternate.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from uuid import uuid4

from avro_schemas.codec import encode
from bench.reporting import report
from bench.servers import bench_kafka
from command_api.decider.decider import new_decider
from command_api.decider.folded_state import FoldedState
from infra.gc_tuning import tune_garbage_collector
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.group_consumer import GroupConsumer, Partition
from infra.kafka.producer import RecordProducer
from infra.kafka.topics import ASSET_COMMANDS, ASSET_EVENTS, CATEGORY_COMMANDS, TOPICS
from infra.kafka.transactions import TransactionalProducer
from tests.support.samples import ACME, create_category, metadata, submit

BATCH, LINGER_SECONDS = 500, 0.005


def prepared(kafka: Kafka, commands: int) -> None:
    """Make the topics and fill them: half of the commands are clients', who want an answer."""
    apply_topics(kafka)

    async def create() -> None:
        async with RecordProducer(kafka) as sender:
            await sender.send(CATEGORY_COMMANDS, ACME, encode(create_category("cats")))

    async def fill() -> None:
        async with RecordProducer(kafka) as sender:
            wishes = []
            for number in range(commands):
                asset_id = str(uuid4())
                about = metadata(asset_id, key=asset_id, fingerprint="f", reply_partition=number)
                wishes.append(sender.send(ASSET_COMMANDS, asset_id, encode(submit(about, "cats"))))
            await asyncio.gather(*wishes)

    asyncio.run(create())
    with decider(kafka) as step:
        while not step():
            pass
    asyncio.run(fill())


@contextmanager
def decider(kafka: Kafka) -> Iterator[Callable[[], int]]:
    with tempfile.TemporaryDirectory() as folder:
        state = FoldedState(Path(folder), kafka.log_id())
        running = new_decider(kafka, state, "bench")
        yield running.step
        running.close()
        state.close()


def decided_per_second(kafka: Kafka, commands: int) -> float:
    """Run one decider over everything and give its rate from the first batch to the last."""
    with decider(kafka) as step:
        return rate(step, commands)


def copied_per_second(kafka: Kafka, commands: int) -> float:
    """Run the bare loop: consume a batch, append each record, commit offsets with it."""
    reader = GroupConsumer(kafka, "bare", (ASSET_COMMANDS,))
    writer = TransactionalProducer(kafka, "bare")

    def step() -> int:
        records = reader.poll(BATCH, LINGER_SECONDS)
        if not records:
            return 0
        writer.begin()
        offsets: dict[Partition, int] = {}
        for record in records:
            writer.append(ASSET_EVENTS, record.partition, record.key, record.value)
            offsets[record.topic, record.partition] = record.offset + 1
        writer.commit(reader, offsets)
        return len(records)

    try:
        return rate(step, commands)
    finally:
        reader.close()


def rate(step: Callable[[], int], wanted: int) -> float:
    first = 0
    while not first:
        first = step()
    done, began = first, time.perf_counter()
    while done < wanted:
        done += step()
    return (done - first) / (time.perf_counter() - began)


def measure(*, quick: bool) -> None:
    rounds, commands = (2, 5_000) if quick else (5, 20_000)
    tune_garbage_collector()  # as the decider does; for both sides
    deciders: list[float] = []
    bares: list[float] = []
    for _ in range(rounds):
        for rates, run in ((deciders, decided_per_second), (bares, copied_per_second)):
            with bench_kafka() as kafka:
                prepared(kafka, commands)
                rates.append(run(kafka, commands))
    ratio = median(ours / bare for ours, bare in zip(deciders, bares, strict=True))
    report(
        "P3",
        f"decider {median(deciders):,.0f} commands/s, bare loop {median(bares):,.0f}/s",
        ratio=ratio,
        target=0.5,
        figures={"decider": deciders, "bare": bares, "commands": commands, "topics": len(TOPICS)},
    )
