"""The answer to a batch: outcomes as they come."""

from command_api.batches.lines import NDJSON
from infra.web.streaming import TimeoutStream


class OutcomeStream(TimeoutStream):
    """Tells one outcome a line."""

    media_type = NDJSON
