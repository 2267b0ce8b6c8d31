"""Kafka and Cassandra together, in one folder."""

from collections.abc import Callable
from pathlib import Path

from infra.file_lock import locked
from infra.local_cluster.cassandra_server import CassandraServer
from infra.local_cluster.jars import default_jars_directory
from infra.local_cluster.kafka_server import KafkaServer
from infra.local_cluster.local_server import LocalServer, LocalServerStatus


class LocalCluster:
    """The servers that the platform needs, on this machine, without Docker.

    All that it knows is in its folder: any process may start, ask and stop the same
    cluster, and several clusters live beside each other in different folders.
    """

    def __init__(
        self,
        directory: Path,
        kafka_port: int = 9092,
        cassandra_port: int = 9042,
        *,
        jars_directory: Path | None = None,
        kafka_heap_megabytes: int = 512,
        cassandra_heap_megabytes: int = 1024,
    ) -> None:
        self.directory = directory.absolute()
        jars = jars_directory or default_jars_directory()
        self.kafka = KafkaServer(
            self.directory / "kafka",
            kafka_port,
            jars_directory=jars,
            heap_megabytes=kafka_heap_megabytes,
        )
        self.cassandra = CassandraServer(
            self.directory / "cassandra",
            cassandra_port,
            jars_directory=jars,
            heap_megabytes=cassandra_heap_megabytes,
        )

    @property
    def servers(self) -> tuple[LocalServer, ...]:
        """Every server, the slowest to start first."""
        return (self.cassandra, self.kafka)

    def up(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Start what does not run and return when everything answers.

        Raises a ClusterError that says what to do; servers that did start keep running.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        with locked(self.directory / "lock"):  # another up or down ends first
            for server in self.servers:
                server.launch(_spoken_by(server, progress))
            for server in self.servers:
                server.wait_until_ready(_spoken_by(server, progress))

    def down(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Stop what runs and return when nothing does; the data stays."""
        if not self.directory.is_dir():
            return
        with locked(self.directory / "lock"):
            for server in self.servers:
                server.ask_to_stop()
            for server in self.servers:
                server.stop()
                progress(f"{server.name}: stopped")

    def missing_programs(self) -> list[str]:
        """Say what must be installed before the servers can run; empty when nothing is."""
        return [lack for server in self.servers if (lack := server.missing_program())]

    def status(self) -> list[LocalServerStatus]:
        """Look at every server without changing anything."""
        return [server.status() for server in self.servers]


def _spoken_by(server: LocalServer, progress: Callable[[str], None]) -> Callable[[str], None]:
    return lambda said: progress(f"{server.name}: {said}")
