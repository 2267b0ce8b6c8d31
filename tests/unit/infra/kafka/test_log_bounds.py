"""Where partitions begin and end, asked of leaders that may have been chosen a moment ago."""

from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import ListOffsetsResultInfo

from infra.kafka.client import Kafka
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.topics import ASSET_EVENTS, CATEGORY_EVENTS


class FakeKafka:
    """A broker, and its admin client, that meets one error after the other and then answers 17."""

    topic_prefix = ""

    def __init__(self, errors: Iterable[int]) -> None:
        self.errors = list(errors)

    def admin(self) -> "FakeKafka":
        return self

    def list_offsets(self, places: dict[TopicPartition, Any], **_: Any) -> dict[Any, Any]:  # noqa: ANN401 - as the real one
        done: Future[ListOffsetsResultInfo] = Future()
        if self.errors:
            done.set_exception(KafkaException(KafkaError(self.errors.pop(0))))
        else:
            done.set_result(ListOffsetsResultInfo(17, 0, 0))
        return dict.fromkeys(places, done)


@pytest.mark.parametrize(
    "code", [KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE]
)
def test_a_leader_that_was_just_chosen_is_asked_again(code: int) -> None:
    bounds = LogBounds(cast("Kafka", FakeKafka([code, code])))
    topics = (ASSET_EVENTS, CATEGORY_EVENTS)
    everywhere = {
        (topic.name, number): 17 for topic in topics for number in range(topic.partitions)
    }
    assert bounds.firsts(topics) == everywhere


def test_no_topic_needs_no_answer() -> None:
    assert LogBounds(cast("Kafka", FakeKafka([]))).firsts([]) == {}
