"""A service that does nothing until it is told to stop; says that it runs."""

import signal
import sys
from threading import Event

stopping = Event()
signal.signal(signal.SIGTERM, lambda *_: stopping.set())
sys.stdout.write("idling\n")
sys.stdout.flush()
stopping.wait(60)
