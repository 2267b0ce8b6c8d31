"""Run a decider: ``python -m command_api.decider``."""

import logging
import signal
import socket
import sys
from threading import Event

from prometheus_client import Gauge, start_http_server

from avro_schemas.errors import KeysLost
from command_api.decider.decider import new_decider
from command_api.decider.folded_state import FoldedState
from domain.errors import ScaleHosterError
from infra.decider_runtime.instance_slot import claim_instance_slot
from infra.encryption import use_keyring
from infra.gc_tuning import tune_garbage_collector
from infra.kafka.admin import check_topics
from infra.logs import configure
from infra.settings import load

log = logging.getLogger("command_api.decider")


def main() -> int:
    """Decide until SIGTERM; 1 when settings, topics or keyring are wrong."""
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        settings = load()
        configure("decider", settings.log_level)
        kafka = settings.kafka.connection()
        check_topics(kafka)
        use_keyring(settings)
    except ScaleHosterError as error:
        sys.stderr.write(f"decider: {error}\n")
        return 1
    place, held = claim_instance_slot(settings.state_dir / "decider")
    state = FoldedState(place, kafka.log_id())
    decider = new_decider(kafka, state, f"{socket.gethostname()}-{place.name}")
    if settings.metrics_port:
        start_http_server(settings.metrics_port, "127.0.0.1")
        decided = Gauge("scalehoster_decider_commands", "Commands decided since the start")
        decided.set_function(lambda: decider.decided)
    tune_garbage_collector()
    log.info("deciding, folded state in %s", place)
    try:
        decider.run(stopping)
    except KeysLost as error:  # what was being decided is decided by the next life
        sys.stderr.write(f"decider: {error}\n")
        return 1
    finally:
        decider.close()
        state.close()
        held.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
