"""A Kafka of one broker, its own controller, on loopback."""

import base64
import shutil
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.local_cluster.errors import ServerDied
from infra.local_cluster.local_server import LocalServer
from infra.local_cluster.ports import LOOPBACK, free_port

# To the console, which is our log file.
_LOGGING = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %-5p [%t] %c{1}: %m%n
"""


def server_properties(*, port: int, controller_port: int, data: Path) -> str:
    """Write the broker's configuration."""
    properties = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data,
        # A client that meets a missing topic must fail: one made on the fly would have
        # one partition and a week's retention.
        "auto.create.topics.enable": "false",
        # There is one broker: the internal topics cannot have more copies.
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # Fifty partitions of each are made for clusters; here they cost start-up time.
        "offsets.topic.num.partitions": 6,
        "transaction.state.log.num.partitions": 6,
        "group.initial.rebalance.delay.ms": 0,
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def kafka_answers(bootstrap_servers: str) -> bool:
    """Say whether a broker tells a client about its cluster."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    try:
        return bool(admin.list_topics(timeout=2).brokers)
    except KafkaException:
        return False


class KafkaServer(LocalServer):
    """Keeps its cluster id and its data for as long as its folder exists."""

    name: ClassVar[str] = "Kafka"
    version: ClassVar[str] = "4.4.0"
    javas = range(17, 26)
    port_setting: ClassVar[str] = "SCALEHOSTER_KAFKA__PORT"

    def _prepare(self, progress: Callable[[str], None]) -> list[str]:
        java, jars = self._install(progress)
        logging = self.directory / "log4j2.properties"
        logging.write_text(_LOGGING)
        jvm = [*self._jvm(java), f"-Dlog4j2.configurationFile={logging}", "-cp", f"{jars}/*"]
        data = self.directory / "data"
        if not data.is_dir():
            self._format(jvm, data)
        return [*jvm, "kafka.Kafka", str(self._write_properties("server.properties", data))]

    def _format(self, jvm: list[str], data: Path) -> None:
        """Give the data folder a new cluster id; the folder appears formatted or not at all."""
        fresh = self.directory / "data.formatting"
        shutil.rmtree(fresh, ignore_errors=True)
        properties = self._write_properties("format.properties", fresh)
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        said = subprocess.run(  # noqa: S603 - the Java we found, with our own arguments
            [
                *(*jvm, "kafka.tools.StorageTool", "format"),
                f"--cluster-id={cluster_id}",  # one word: an id may begin with a dash
                f"--config={properties}",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if said.returncode != 0:
            raise ServerDied(f"Kafka could not format its folder:\n{said.stdout}{said.stderr}")
        fresh.rename(data)

    def _write_properties(self, name: str, data: Path) -> Path:
        file = self.directory / name
        # Nobody but the broker itself dials the controller, so any free port will do.
        file.write_text(server_properties(port=self.port, controller_port=free_port(), data=data))
        return file

    def _answers(self) -> bool:
        return kafka_answers(self.address)
