"""The id of a webhook endpoint."""

from typing import NewType

EndpointId = NewType("EndpointId", str)
