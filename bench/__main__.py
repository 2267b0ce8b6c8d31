"""Measure: ``python -m bench [--quick] [p1 p3 …]``; one line a figure, and JSON in var/bench."""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import (
    p1_p2_commands,
    p3_decider,
    p4_pipeline,
    p5_thumbor,
    p6_projections,
    p7_rebuild,
    p8_listing,
    p9_pictures,
    p10_codec,
)
from bench.reporting import report_machine
from bench.servers import stop_servers
from tests.support.keyrings import share_keys

MEASUREMENTS = {
    "p1": p1_p2_commands.measure,  # and P2
    "p3": p3_decider.measure,
    "p4": p4_pipeline.measure,
    "p5": p5_thumbor.measure,
    "p6": p6_projections.measure,
    "p7": p7_rebuild.measure,
    "p8": p8_listing.measure,
    "p9": p9_pictures.measure,
    "p10": p10_codec.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller sizes")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(MEASUREMENTS))
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(MEASUREMENTS):
        parser.error(f"no measurement is called {', '.join(sorted(unknown))}")
    report_machine()
    began = time.perf_counter()
    with TemporaryDirectory(prefix="scalehoster-keys-") as keys:
        share_keys(Path(keys))  # one keyring, here and in all that is started
        try:
            for name in asked.names or MEASUREMENTS:
                MEASUREMENTS[name](quick=asked.quick)
        finally:
            stop_servers()
    print(f"all of it in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
