"""Errors of outside systems.

InfraError
├── Overloaded          our own queue is full; try again after a moment
├── BrokerUnavailable   Kafka did not acknowledge in time
├── RecordRefused       a record cannot be written, now or later
├── LogIncomplete       a log that is kept for ever lacks records
├── HistoryBroken       events of one thing are missing, repeated or unreadable
├── StoreUnavailable    Cassandra, or where the bytes are, did not answer or has no room
├── BlobNotFound        no bytes are kept under this key
├── TransformationFailed  this rendition cannot be made of this original
├── ViewsMissing        the keyspace or a view's table was never made
├── ViewNotBuilt        a view lacks what the log had when it was begun
├── TopicsWrong         a topic is missing or could lose events
└── SettingsWrong       a setting makes no sense, or is unsafe here
"""

from domain.errors import ScaleHosterError


class InfraError(ScaleHosterError):
    """Something outside of us does not do what we need."""


class Overloaded(InfraError):
    """Too much is under way; try again after a moment."""


class BrokerUnavailable(InfraError):
    """The log did not acknowledge in time; whether it took effect is unknown."""


class RecordRefused(InfraError):
    """What was sent is larger than the log takes; sending it again would not help."""


class LogIncomplete(InfraError):
    """A log that is kept for ever lacks records; going on would pass over them."""


class HistoryBroken(InfraError):
    """Events of a thing are missing, repeated or unreadable, so nothing is decided about it."""


class StoreUnavailable(InfraError):
    """A store did not answer in time, or has no room."""


class BlobNotFound(InfraError):
    """No bytes are kept under this key."""


class TransformationFailed(InfraError):
    """This rendition cannot be made of this picture."""


class ViewsMissing(InfraError):
    """The keyspace or a table of a view is not there; run 'scalehoster up'."""


class ViewNotBuilt(InfraError):
    """The view is being built from the log; try again after a moment."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class TopicsWrong(InfraError):
    """A topic is missing, or its settings could lose events."""


class SettingsWrong(InfraError):
    """A setting makes no sense, or is unsafe here."""
