"""Settings: read once at start, from ``SCALEHOSTER_*`` variables."""

import os
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from infra.api_settings import CommandApiSettings, HttpSettings, QueryApiSettings
from infra.errors import SettingsWrong
from infra.kafka.client import Kafka
from infra.production_checks import DEMO_TENANT, production_faults
from infra.secrets import InstallationSecrets, generated_secrets
from infra.settings_errors import describe_settings_error
from infra.settings_group import SettingsGroup

_NAT64_LENGTHS = (32, 40, 48, 56, 64, 96)
_NOBODY_ELSE = 0o077
_Secrets = Annotated[
    InstallationSecrets,
    BeforeValidator(lambda value: InstallationSecrets(value) if isinstance(value, str) else value),
]


def _nat64_prefix(network: IPv6Network) -> IPv6Network:
    if network.prefixlen not in _NAT64_LENGTHS:
        raise ValueError(f"a NAT64 prefix has one of the lengths {_NAT64_LENGTHS}")
    return network


class KafkaSettings(SettingsGroup):
    """Where the log is; the prefix keeps two installations on one cluster apart.

    ``trusted_network``, here and below: production may use it over the network without TLS.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=9092, gt=0, lt=65_536)
    topic_prefix: str = ""
    trusted_network: bool = False

    def connection(self) -> Kafka:
        """Give what the clients need."""
        return Kafka(bootstrap_servers=f"{self.host}:{self.port}", topic_prefix=self.topic_prefix)


class CassandraSettings(SettingsGroup):
    """Where the views are."""

    host: str = "127.0.0.1"
    port: int = Field(default=9042, gt=0, lt=65_536)
    keyspace: str = Field(default="scalehoster", pattern=r"^[a-z][a-z0-9_]{0,47}$")
    replication_factor: int = Field(default=1, ge=1)
    trusted_network: bool = False


class BlobSettings(SettingsGroup):
    """Where the bytes are: a folder (default: ``blobs`` in the data directory) or s3://bucket."""

    url: str = ""
    s3_endpoint: str = ""
    s3_access_key: SecretStr = SecretStr("")
    s3_secret_key: SecretStr = SecretStr("")
    trusted_network: bool = False


class KeysSettings(SettingsGroup):
    """The keys of personal data: a file (default: ``keys/keyring`` in the data directory).

    It is wrapped with the first of ``wrapping_keys``, separated by commas; the others open it too.
    Without any it is wrapped with the empty key, which protects nothing.
    """

    file: str = ""
    wrapping_keys: _Secrets = InstallationSecrets()


class FetchSettings(SettingsGroup):
    """How sources are downloaded; see streams/ingestion/fetcher.

    ``nat64_prefixes`` are as long as RFC 6052 has them. Webhooks go nowhere else either.
    """

    allowed_origins: frozenset[str] = frozenset()
    refused_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    nat64_prefixes: tuple[Annotated[IPv6Network, AfterValidator(_nat64_prefix)], ...] = ()
    max_bytes: int = Field(default=20_000_000, gt=0)
    connect_seconds: float = Field(default=3.0, gt=0)
    total_seconds: float = Field(default=20.0, gt=0)
    max_redirects: int = Field(default=3, ge=0)
    per_host: int = Field(default=4, gt=0)
    per_host_per_second: float = Field(default=50.0, gt=0)
    breaker_failures: int = Field(default=5, gt=0)
    breaker_seconds: float = Field(default=30.0, gt=0)
    concurrency: int = Field(default=16, gt=0)
    max_attempts: int = Field(default=4, gt=0)
    retry_seconds: tuple[float, float, float] = (10.0, 60.0, 600.0)

    @property
    def all_refused_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Public networks that are never connected to."""
        return (*self.refused_networks, *self.nat64_prefixes)


class DispatchSettings(SettingsGroup):
    """How many runs are admitted before earlier ones end.

    See streams/ingestion/dispatcher/fair_scheduler.py.
    ``purge_delay_seconds``, of the eraser: when discarded bytes are removed, and those of purged
    assets once more; longer than a worker may be at one picture.
    """

    per_tenant: int = Field(default=32, gt=0)
    bulk: int = Field(default=64, gt=0)
    purge_delay_seconds: float = Field(default=1_800.0, gt=0)


class WebhookSettings(SettingsGroup):
    """How customers' servers are told of events; see streams/webhooks.

    ``retry_seconds``: how long each failed attempt is followed by nothing, so there is one attempt
    more than numbers. Together about a day.
    """

    max_per_tenant: int = Field(default=50, gt=0)
    timeout_seconds: float = Field(default=15.0, gt=0, le=60)
    retry_seconds: tuple[float, ...] = (5, 60, 300, 1_800, 7_200, 18_000, 28_800, 28_800)
    disable_after_seconds: float = Field(default=432_000.0, gt=0)
    redeliveries_per_second: float = Field(default=100.0, gt=0)


class RenderSettings(SettingsGroup):
    """How pictures are decoded; see streams/rendering."""

    processes: int = Field(default=2, gt=0)
    max_pixels: int = Field(default=40_000_000, gt=0)
    timeout_seconds: float = Field(default=15.0, gt=0)
    watermark: str = ""


class TransformSettings(SettingsGroup):
    """How pictures are rendered on demand; see streams/rendering/on_demand."""

    socket: str = ""
    processes: int = Field(default=1, gt=0)
    at_once: int = Field(default=16, gt=0)
    per_original: int = Field(default=100, gt=0)
    timeout_seconds: float = Field(default=20.0, gt=0)
    unsigned: frozenset[str] = frozenset()


class Settings(BaseSettings):
    """Everything; parts of it are handed down, nothing below reads the environment.

    Raises SettingsWrong from ``load`` when a value makes no sense, naming the variable.
    """

    model_config = SettingsConfigDict(
        env_prefix="SCALEHOSTER_",
        env_nested_delimiter="__",
        frozen=True,
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
    )

    environment: Literal["development", "production"] = "development"
    data_dir: Path = Path("var")
    public_base_url: str = "http://127.0.0.1:3002"
    query_base_url: str = "http://127.0.0.1:3002"
    command_base_url: str = "http://127.0.0.1:3000"
    secret: _Secrets = InstallationSecrets()
    demo_origin_port: int = Field(default=3010, ge=0, lt=65_536)
    metrics_port: int = Field(default=0, ge=0, lt=65_536)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    kafka: KafkaSettings = KafkaSettings()
    cassandra: CassandraSettings = CassandraSettings()
    blobs: BlobSettings = BlobSettings()
    keys: KeysSettings = KeysSettings()
    http: HttpSettings = HttpSettings()
    command_api: CommandApiSettings = CommandApiSettings()
    query_api: QueryApiSettings = QueryApiSettings()
    dispatch: DispatchSettings = DispatchSettings()
    fetch: FetchSettings = FetchSettings()
    render: RenderSettings = RenderSettings()
    transform: TransformSettings = TransformSettings()
    webhooks: WebhookSettings = WebhookSettings()

    @model_validator(mode="after")
    def _refuse_unsafe(self) -> Self:
        if self.environment == "production":
            found = list(production_faults(self))
            if found:
                raise ValueError(f"not in production: {'; '.join(found)}")
        return self

    def installation_secrets(self) -> InstallationSecrets:
        """Give ``secret``, or where none is set the one that ``scalehoster up`` made.

        Raises SettingsWrong when there is neither: nothing is ever signed with an empty secret.
        """
        return self.secret or generated_secrets(self.data_dir / "secret")

    @property
    def refused_tenants(self) -> frozenset[str]:
        """Name tenants whose API keys let nobody in: in production that of the demo."""
        return frozenset({DEMO_TENANT} if self.environment == "production" else ())

    @property
    def decoders_must_be_filtered(self) -> bool:
        """Say whether nothing is decoded where the kernel filters no system calls."""
        return self.environment == "production"

    @property
    def blobs_url(self) -> str:
        """Say where the bytes are, the default worked out."""
        return self.blobs.url or f"file://{(self.data_dir / 'blobs').resolve()}"

    @property
    def keyring_path(self) -> Path:
        """Say where the keyring is, the default worked out."""
        return Path(self.keys.file or self.data_dir.resolve() / "keys" / "keyring")

    @property
    def transform_socket(self) -> Path:
        """Where pictures are ordered on demand, the default worked out."""
        return Path(self.transform.socket or self.data_dir.resolve() / "run" / "transform.socket")

    @property
    def state_dir(self) -> Path:
        """Where folded state lies; it may be deleted at any time."""
        return self.data_dir / "state"


def load() -> Settings:
    """Read the environment; raises SettingsWrong naming each variable that is wrong.

    From then on only the user reads what the process and its children write: bytes of customers,
    folded state, logs, keys.
    """
    os.umask(_NOBODY_ELSE)
    try:
        return Settings()
    except (ValidationError, SettingsError) as error:
        raise SettingsWrong(describe_settings_error(error)) from error
