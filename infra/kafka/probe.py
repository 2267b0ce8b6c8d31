"""A probe that asks whether Kafka answers, without blocking anybody."""

import asyncio

from confluent_kafka import KafkaException

from infra.errors import BrokerUnavailable
from infra.kafka.client import Kafka

_TIMEOUT_SECONDS = 2.0


class KafkaProbe:
    """Asks a broker for the cluster's nodes; one client, opened with the probe."""

    def __init__(self, kafka: Kafka) -> None:
        self._admin = kafka.admin()

    async def __call__(self) -> None:
        """Return when a broker answers within 2 s; raises BrokerUnavailable."""
        try:
            await asyncio.to_thread(self._admin.list_topics, timeout=_TIMEOUT_SECONDS)
        except KafkaException as error:
            raise BrokerUnavailable(f"asking for the cluster: {error}") from error
