"""A tailer: follows a topic in a thread for as long as the process lives."""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from threading import Event, Thread
from typing import Protocol, Self

from avro_schemas.errors import KeysLost
from infra.kafka.partition_reader import Record, RecordReader

_RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


class TailedReader(RecordReader, Protocol):
    """A reader that knows where its partitions end."""

    def ends(self) -> Mapping[int, int]:
        """Ask where each partition ends now."""


class Tailer:
    """Hands every record of a reader to ``apply``, in its own thread, until it is closed.

    When reading fails a new reader is opened after a second, and begins where ``open_reader`` lets
    it begin: ``apply`` may see a record again. A record that makes ``apply`` raise is logged and
    left out, but for KeysLost: it can be read once the keys are back, so that is a failure of
    reading. ``is_current`` says that the reader reached the end as it was when it was opened;
    ``on_current`` is told so, once for each reader.
    """

    def __init__(
        self,
        name: str,
        open_reader: Callable[[], AbstractContextManager[TailedReader]],
        apply: Callable[[Record], None],
        on_current: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = name
        self._open_reader = open_reader
        self._apply = apply
        self._on_current = on_current
        self._current = Event()
        self._stopping = Event()
        self._thread = Thread(target=self._follow, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    @property
    def is_current(self) -> bool:
        """Whether all that was there when it began has been handed over."""
        return self._current.is_set()

    def wait_until_current(self, timeout_seconds: float) -> bool:
        """Wait for that, at most this long; tells whether it is so."""
        return self._current.wait(timeout_seconds)

    def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._open_reader() as reader:
                    self._read(reader)
            except KeysLost as lost:
                log.error("%s: standing still: %s", self._name, lost)  # noqa: TRY400 - that says it all
                self._rest()
            except Exception:  # whatever it was, following must go on
                log.exception("%s: reading failed; trying again", self._name)
                self._rest()

    def _rest(self) -> None:
        self._current.clear()
        self._stopping.wait(_RETRY_SECONDS)

    def _read(self, reader: TailedReader) -> None:
        ends = reader.ends()
        while not self._stopping.is_set():
            for record in reader.poll():
                self._hand_over(record)
            if not self.is_current and all(reader.position(p) >= end for p, end in ends.items()):
                self._on_current()
                self._current.set()

    def _hand_over(self, record: Record) -> None:
        try:
            self._apply(record)
        except KeysLost:
            raise
        except Exception:  # one record must not stop those behind it
            place = f"{record.topic}:{record.partition}:{record.offset}"
            log.exception("%s: %s was left out", self._name, place)
