"""Say what this machine lacks to run the servers, or pin their jars with ``--pin-jars``."""

import sys
from pathlib import Path

from infra.local_cluster import LocalCluster

if __name__ == "__main__":
    cluster = LocalCluster(Path("var/cluster"))
    if "--pin-jars" in sys.argv:
        for server in cluster.servers:
            server.pin_jars()
    sys.exit("\n".join(cluster.missing_programs()) or None)
