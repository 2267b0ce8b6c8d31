"""The response to a batch: outcomes, streamed as they come."""

from command_api.batch_import.record_parser import NDJSON
from infra.http.streaming_response import TimeoutStream


class OutcomeStream(TimeoutStream):
    """Tells one outcome a line."""

    media_type = NDJSON
