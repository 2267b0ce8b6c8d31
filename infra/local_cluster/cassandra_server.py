"""A Cassandra of one node on loopback."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from cassandra import DriverException
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.policies import WhiteListRoundRobinPolicy

from infra.local_cluster.local_server import LocalServer
from infra.local_cluster.ports import LOOPBACK, free_port

# What Cassandra's own start script opens of the JDK.
_EXPORTS = (
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.rmi/sun.rmi.transport.tcp",
    "java.sql/java.sql",
    "jdk.unsupported/sun.misc",
)
_OPENS = (
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.io",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "jdk.management/com.sun.management.internal",
)

# To the console, which is our log file.
_LOGGING = """\
<configuration>
  <appender name="console" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%date{ISO8601} %-5level [%thread] %logger{0}: %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="console"/></root>
</configuration>
"""


def cassandra_yaml(*, port: int, storage_port: int, data: Path) -> str:
    """Write the node's configuration (JSON, which is YAML)."""
    settings = {
        "cluster_name": "scalehoster",
        "listen_address": LOOPBACK,
        "rpc_address": LOOPBACK,
        "native_transport_port": port,
        "storage_port": storage_port,
        "start_native_transport": True,  # the class default is false: nobody could connect
        "seed_provider": [
            {
                "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                "parameters": [{"seeds": f"{LOOPBACK}:{storage_port}"}],
            }
        ],
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "endpoint_snitch": "SimpleSnitch",
        "num_tokens": 16,
        "data_file_directories": [str(data / "data")],
        "commitlog_directory": str(data / "commitlog"),
        "saved_caches_directory": str(data / "saved_caches"),
        "hints_directory": str(data / "hints"),
        "cdc_raw_directory": str(data / "cdc_raw"),
        # A row is acknowledged when it is on disk. The default, periodic, forgets the last
        # acknowledged rows of a killed JVM (a restart reads the log up to the latest marker,
        # up to 100 ms old), and there is no second copy here to make them good.
        "commitlog_sync": "batch",
        "commitlog_total_space": "512MiB",
        # A node that cannot write must be seen to be down.
        "disk_failure_policy": "die",
        "commit_failure_policy": "die",
        "auto_snapshot": False,  # a dropped view generation must give its disk back
        "memtable": {"configurations": {"default": {"class_name": "TrieMemtable"}}},
        "sstable": {"selected_format": "bti"},
        "storage_compatibility_mode": "NONE",
        "default_compaction": {
            "class_name": "UnifiedCompactionStrategy",
            "parameters": {"scaling_parameters": "T4"},
        },
    }
    return json.dumps(settings, indent=2) + "\n"


def cassandra_answers(host: str, port: int) -> bool:
    """Say whether a node answers a CQL query."""
    profile = ExecutionProfile(
        load_balancing_policy=WhiteListRoundRobinPolicy([host]), request_timeout=5
    )
    cluster = Cluster(
        [host],
        port=port,
        protocol_version=5,
        connect_timeout=5,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
    )
    try:
        answer = cluster.connect().execute("SELECT release_version FROM system.local").one()
    except (NoHostAvailable, DriverException, OSError):
        return False
    finally:
        cluster.shutdown()
    return answer is not None


class CassandraServer(LocalServer):
    """Opens the CQL port and its own storage port on loopback, and no JMX port."""

    name: ClassVar[str] = "Cassandra"
    version: ClassVar[str] = "5.0.9"
    javas = (11, 17)
    port_setting: ClassVar[str] = "SCALEHOSTER_CASSANDRA__PORT"

    def _prepare(self, progress: Callable[[str], None]) -> list[str]:
        java, jars = self._install(progress)
        data = self.directory / "data"
        configuration = self.directory / "cassandra.yaml"
        logging = self.directory / "logback.xml"
        # One node has no peer that dials the storage port, so any free one will do.
        configuration.write_text(
            cassandra_yaml(port=self.port, storage_port=free_port(), data=data)
        )
        logging.write_text(_LOGGING)
        (agent,) = jars.glob("jamm-*.jar")  # measures memtables; without it they are guessed
        return [
            *self._jvm(java),
            "-XX:+UseG1GC",
            f"-javaagent:{agent}",
            *(f"--add-exports={package}=ALL-UNNAMED" for package in _EXPORTS),
            *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENS),
            "-Djdk.attach.allowAttachSelf=true",
            "-Dio.netty.tryReflectionSetAccessible=true",
            "-Dchronicle.analytics.disable=true",  # a library of it reports home otherwise
            f"-Dcassandra.config={configuration.as_uri()}",
            f"-Dlogback.configurationFile={logging.as_uri()}",
            f"-Dcassandra.storagedir={data}",
            f"-Dcassandra.logdir={self.directory}",
            # One node waits for nobody.
            "-Dcassandra.ring_delay_ms=1",
            "-Dcassandra.skip_wait_for_gossip_to_settle=0",
            *("-cp", f"{jars}/*"),
            "org.apache.cassandra.service.CassandraDaemon",
        ]

    def _answers(self) -> bool:
        return cassandra_answers(LOOPBACK, self.port)
