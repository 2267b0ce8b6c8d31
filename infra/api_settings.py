"""Settings of the two HTTP APIs."""

from pydantic import Field

from infra.settings_group import SettingsGroup


class HttpSettings(SettingsGroup):
    """The connections of either API; see infra/http/connection_table.py."""

    max_connections: int = Field(default=2_000, gt=0)
    max_head_bytes: int = Field(default=32_768, ge=1_024)
    head_seconds: float = Field(default=10.0, gt=0)
    send_idle_seconds: float = Field(default=30.0, gt=0)
    send_seconds: float = Field(default=300.0, gt=0)


class CommandApiSettings(SettingsGroup):
    """The side that accepts; infra/http/tenant_slots.py says what one tenant gets of it.

    A body of which nothing comes for ``receive_idle_seconds``, or the end not within
    ``receive_seconds``, is given up.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=3000, ge=0, lt=65_536)
    wait_seconds: float = Field(default=10.0, gt=0, le=60)
    max_body_bytes: int = Field(default=1_000_000, gt=0)
    max_upload_bytes: int = Field(default=50_000_000, gt=0)
    max_batch_bytes: int = Field(default=100_000_000, gt=0)
    max_batch_lines: int = Field(default=100_000, gt=0)
    max_batch_line_bytes: int = Field(default=64_000, gt=0)
    max_categories: int = Field(default=20, gt=0)
    max_in_flight: int = Field(default=1_000, gt=0)
    max_uploads: int = Field(default=16, gt=0)
    max_batches: int = Field(default=16, gt=0)
    queue_seconds: float = Field(default=5.0, gt=0, le=60)
    receive_idle_seconds: float = Field(default=30.0, gt=0)
    receive_seconds: float = Field(default=300.0, gt=0)
    requests_per_second: float = Field(default=200.0, gt=0)
    requests_per_second_per_tenant: float = Field(default=400.0, gt=0)


class QueryApiSettings(SettingsGroup):
    """The side that tells."""

    host: str = "127.0.0.1"
    port: int = Field(default=3002, ge=0, lt=65_536)
    wait_seconds: float = Field(default=2.0, gt=0, le=60)
    max_listeners: int = Field(default=500, gt=0)
    max_listeners_per_tenant: int = Field(default=50, gt=0)
    heartbeat_seconds: float = Field(default=15.0, gt=0)
