"""Production checks: what an installation in production refuses to start with."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from infra.settings import Settings  # that module asks this one

DEMO_TENANT = "demo"
DEMO_KEY_FILES = ("demo-api-key", "demo-gallery-key")

_NO_TLS = (
    "is not on this machine, and what is sent there is not encrypted; {trust}=true says that the"
    " network between encrypts it or is yours alone"
)


def production_faults(settings: "Settings") -> Iterator[str]:
    """Name each variable that is unsafe in production, with the reason."""
    if settings.fetch.allowed_origins:
        yield "SCALEHOSTER_FETCH__ALLOWED_ORIGINS must be empty: it opens what is not public"
    if not settings.secret:
        yield "SCALEHOSTER_SECRET must be set"
    if not settings.keys.wrapping_keys:
        yield "SCALEHOSTER_KEYS__WRAPPING_KEYS must be set"
    for group, variable, host in (
        (settings.kafka, "SCALEHOSTER_KAFKA__HOST", settings.kafka.host),
        (settings.cassandra, "SCALEHOSTER_CASSANDRA__HOST", settings.cassandra.host),
        (settings.blobs, "SCALEHOSTER_BLOBS__S3_ENDPOINT", _plain_host(settings.blobs.s3_endpoint)),
    ):
        if not group.trusted_network and not _is_loopback(host):
            trust = f"{variable.rpartition('__')[0]}__TRUSTED_NETWORK"
            yield f"{variable} {_NO_TLS.format(trust=trust)}"
    for name in DEMO_KEY_FILES:
        if (settings.data_dir / name).exists():
            yield (
                f"SCALEHOSTER_DATA_DIR holds {name}, a key of the demo: remove the file, and revoke"
                " the key with `scalehoster keys revoke`"
            )


def _plain_host(url: str) -> str:
    """Give the host that is spoken to in the clear; for HTTPS, and for none, this machine."""
    parts = urlsplit(url if "://" in url or not url else f"http://{url}")
    return parts.hostname or "localhost" if parts.scheme == "http" else "localhost"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
