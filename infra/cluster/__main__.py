"""Say what this machine lacks to run the servers; `make setup` ends with it."""

import sys
from pathlib import Path

from infra.cluster import Cluster

if __name__ == "__main__":
    sys.exit("\n".join(Cluster(Path("var/cluster")).missing_programs()) or None)
