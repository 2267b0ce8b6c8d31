"""Waiting for what became of a command."""

import asyncio

from avro_schemas.codec import encode
from avro_schemas.errors import KeysLost
from domain.asset import replay, snapshot
from domain.outcomes import Outcome, outcome_in, unchanged
from infra.decider_runtime.pending_replies import PendingReplies
from infra.encryption import new_keyring
from infra.kafka.partition_reader import Record
from tests.support.keyrings import using_encryptor
from tests.support.samples import NOON
from tests.support.stream_samples import SUBMITTED
from tests.unit.domain.asset.test_asset import SUBMIT


def test_who_waits_for_an_outcome_is_told_when_its_keys_are_away() -> None:
    asset = replay([SUBMITTED])
    assert asset
    outcome = unchanged(SUBMIT, NOON, asset=snapshot(asset), category=None)
    record = Record(
        topic="command-results",
        partition=0,
        offset=0,
        key=SUBMIT.metadata.command_id.encode(),
        value=encode(outcome),
        timestamp_ms=0,
    )

    async def wait() -> Outcome | BaseException:
        outcomes = PendingReplies[Outcome](0, outcome_in)
        with outcomes.expect(SUBMIT.metadata) as told:
            outcomes.receive(record)
            return (await asyncio.gather(told, return_exceptions=True))[0]

    assert asyncio.run(wait()) == outcome
    with using_encryptor(new_keyring()):
        assert isinstance(asyncio.run(wait()), KeysLost)
