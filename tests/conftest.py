"""What every test may ask for: servers, and names of its own on them."""

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.policies import WhiteListRoundRobinPolicy
from confluent_kafka.admin import AdminClient
from hypothesis import HealthCheck, settings

from infra.local_cluster import free_port
from infra.local_cluster.jars import default_jars_directory
from infra.local_cluster.kafka_server import KafkaServer
from tests.support.keyrings import share_keys
from tests.support.servers import VAR, Servers, scratch_directory, start_servers

# No deadline: how long an example takes says more about the machine than about the code.
settings.register_profile(
    "scalehoster", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("scalehoster")

_TOLD = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Give the tests, and whatever they start, keys and a Ctrl-C that ends them."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a background job of a script has it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    directory = TemporaryDirectory(prefix="scalehoster-keys-")
    config.add_cleanup(directory.cleanup)
    share_keys(Path(directory.name))


@pytest.fixture(scope="session")
def tell(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Say something below the list of tests, also when all of them pass."""
    return pytestconfig.stash.setdefault(_TOLD, []).append


@pytest.fixture(scope="session")
def servers(tell: Callable[[str], None]) -> Iterator[Servers]:
    """A Kafka and a Cassandra that live as long as the test run, shared by all its tests.

    Stopped at the end, on Ctrl-C and on SIGTERM. Keep apart with `topic_prefix` and `keyspace`.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.exit("SIGTERM", returncode=143))
    with ExitStack() as stack:
        stack.callback(signal.signal, signal.SIGTERM, before)
        found = start_servers(os.environ.get("SCALEHOSTER_TEST_SERVERS", ""), stack)
        tell(f"servers: {found.origin}")
        yield found


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what the tests had to tell."""
    for said in config.stash.get(_TOLD, []):
        terminalreporter.write_line(said)


@pytest.fixture
def kafka_to_kill() -> Iterator[KafkaServer]:
    """A Kafka of the test's own."""
    with scratch_directory(VAR) as directory, ExitStack() as stack:
        server = KafkaServer(
            directory / "kafka",
            free_port(),
            jars_directory=default_jars_directory(),
            heap_megabytes=320,
        )
        stack.callback(server.kill)
        server.start()
        yield server


@pytest.fixture(scope="session")
def kafka_admin(servers: Servers) -> AdminClient:
    """Looks at the topics, and removes them after their test."""
    return AdminClient({"bootstrap.servers": servers.bootstrap_servers})


@pytest.fixture(scope="session")
def cql(servers: Servers) -> Iterator[Session]:
    """A session without a keyspace; name the tables in full."""
    profile = ExecutionProfile(
        load_balancing_policy=WhiteListRoundRobinPolicy([servers.cassandra_host]),
        request_timeout=120,  # a keyspace is dropped with a flush of each table
    )
    cluster = Cluster(
        [servers.cassandra_host],
        port=servers.cassandra_port,
        protocol_version=5,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
    )
    yield cluster.connect()
    cluster.shutdown()


@pytest.fixture
def topic_prefix(kafka_admin: AdminClient) -> Iterator[str]:
    """Begins the name of every topic of one test, and of its consumer groups; removed after it."""
    prefix = f"t{uuid.uuid4().hex[:8]}-"
    yield prefix
    topics = [
        name for name in kafka_admin.list_topics(timeout=10).topics if name.startswith(prefix)
    ]
    if topics:
        for removal in kafka_admin.delete_topics(topics).values():
            removal.result(timeout=30)


@pytest.fixture
def keyspace(cql: Session) -> Iterator[str]:
    """A keyspace for one test; dropped after it."""
    name = f"t{uuid.uuid4().hex[:8]}"
    cql.execute(
        f"CREATE KEYSPACE {name} WITH replication = "
        "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    )
    yield name
    cql.execute(f"DROP KEYSPACE {name}")
