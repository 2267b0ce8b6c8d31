"""One Kafka and one Cassandra for a whole test run, wherever they come from."""

import fcntl
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from docker.errors import DockerException

from infra.file_lock import locked
from infra.local_cluster import LocalCluster, free_port
from tests.support.containers import cassandra_container, docker_answers, kafka_container

VAR = Path(__file__).parents[2] / "var"
_NAMED = re.compile(r"kafka=(?P<kafka>[^,]+:\d+),cassandra=(?P<host>[^,:]+):(?P<port>\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Where the test run's servers listen, and where they came from.

    ``cluster`` is there when they are JVMs of our own, which a test may kill.
    """

    bootstrap_servers: str
    cassandra_host: str
    cassandra_port: int
    origin: str
    cluster: LocalCluster | None = None


def start_servers(wanted: str, stack: ExitStack) -> Servers:
    """Return servers that answer; leaving the stack stops those that were started.

    `wanted` is the value of SCALEHOSTER_TEST_SERVERS: `kafka=host:port,cassandra=host:port`
    uses servers that run already, `docker` and `local` insist on one way, and an empty one
    takes containers where an engine answers and has the images, JVMs of our own elsewhere.
    """
    match wanted:
        case "docker":
            return _containers(stack)
        case "local":
            return _local_cluster(stack)
        case "" if docker_answers():
            try:
                with ExitStack() as attempt:
                    servers = _containers(attempt)
                    stack.push(attempt.pop_all())
                    return servers
            except DockerException as error:
                return _local_cluster(stack, because=f"; Docker could not: {error}")
        case "":
            return _local_cluster(stack)
        case _:
            return _named(wanted)


def _containers(stack: ExitStack) -> Servers:
    bootstrap_servers = stack.enter_context(kafka_container())
    host, port = stack.enter_context(cassandra_container())
    return Servers(
        bootstrap_servers=bootstrap_servers,
        cassandra_host=host,
        cassandra_port=port,
        origin="containers",
    )


def _local_cluster(stack: ExitStack, because: str = "") -> Servers:
    directory = stack.enter_context(scratch_directory(VAR))
    cluster = LocalCluster(directory, free_port(), free_port())
    stack.callback(cluster.down)  # also when only one of the two came up
    cluster.up()
    return Servers(
        bootstrap_servers=cluster.kafka.address,
        cassandra_host="127.0.0.1",
        cassandra_port=cluster.cassandra.port,
        origin=f"infra/local_cluster in {directory}{because}",
        cluster=cluster,
    )


def _named(wanted: str) -> Servers:
    found = _NAMED.fullmatch(wanted)
    if found is None:
        raise ValueError(f"SCALEHOSTER_TEST_SERVERS is not kafka=host:port,…: {wanted!r}")
    return Servers(
        bootstrap_servers=found["kafka"],
        cassandra_host=found["host"],
        cassandra_port=int(found["port"]),
        origin="SCALEHOSTER_TEST_SERVERS",
    )


@contextmanager
def scratch_directory(parent: Path) -> Iterator[Path]:
    """Yield a folder for one run's servers; remove it, and what killed runs left behind.

    A run holds the lock of its folder for as long as it lives, so a folder whose lock
    is free belongs to nobody any more.
    """
    parent.mkdir(exist_ok=True)
    with ExitStack() as owned:
        with locked(parent / "test-clusters.lock"):
            for left_behind in parent.glob("test-cluster-*"):
                _remove_if_abandoned(left_behind)
            directory = Path(tempfile.mkdtemp(dir=parent, prefix="test-cluster-"))
            owned.enter_context(locked(directory / "owner"))
        yield directory
        shutil.rmtree(directory)


def _remove_if_abandoned(directory: Path) -> None:
    with (directory / "owner").open("a") as owner:
        try:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        LocalCluster(directory).down()
        shutil.rmtree(directory)
