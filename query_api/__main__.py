"""Run the query API: ``python -m query_api``."""

import sys

from domain.errors import ScaleHosterError
from infra.blobs.store import open_blob_store
from infra.cassandra.session import CassandraSession
from infra.encryption import use_keyring
from infra.http.authentication.api_key_table import ApiKeyTable, follow_api_keys
from infra.http.errors import NotReady
from infra.http.server import serve
from infra.kafka.offsets.log_bounds import LogBounds
from infra.logs import configure
from infra.settings import load
from query_api.app import BaseUrls, QueryApiDependencies, create_app
from query_api.feed.kafka_feed import open_feed
from read_models.registry import QUERIED_VIEWS
from read_models.renditions.on_demand_socket import RenditionClient
from read_models.renditions.watermark import watermark, watermark_name
from read_models.view_reader import ViewReader

_BLOB_CACHE_BYTES = 64_000_000


def main() -> int:
    """Answer until SIGTERM; 1 when a setting is wrong or Cassandra does not answer at the start."""
    try:
        settings = load()
        configure("query_api", settings.log_level)
        secrets = settings.installation_secrets().texts
        use_keyring(settings)
        blobs = open_blob_store(settings.blobs_url, settings.blobs)
        current_watermark = watermark_name(watermark(settings.render.watermark))
        cql = CassandraSession(settings.cassandra, keyspace=settings.cassandra.keyspace)
    except ScaleHosterError as error:
        sys.stderr.write(f"query_api: {error}\n")
        return 1
    views = ViewReader(cql, QUERIED_VIEWS)
    table = ApiKeyTable(settings.refused_tenants)
    kafka = settings.kafka.connection()
    feed, tail = open_feed(kafka, secrets, settings.public_base_url, settings.query_api)
    try:
        with follow_api_keys(kafka, table) as keys, tail:

            async def keys_are_known() -> None:
                if not keys.is_current:
                    raise NotReady("the API keys are not read yet")

            app, readiness = create_app(
                QueryApiDependencies(
                    views=views,
                    log_end_offsets=LogBounds(kafka),
                    blobs=blobs,
                    keys=table,
                    renderer=RenditionClient(
                        settings.transform_socket,
                        timeout_seconds=settings.transform.timeout_seconds,
                    ),
                    current_watermark=current_watermark,
                ),
                cursor_secrets=secrets,
                addresses=BaseUrls(
                    public_base_url=settings.public_base_url,
                    problem_base_url=settings.query_base_url,
                ),
                wait_seconds=settings.query_api.wait_seconds,
                blob_cache_bytes=_BLOB_CACHE_BYTES,
                unsigned=settings.transform.unsigned,
                probes={"views": views.check, "api_keys": keys_are_known},
                feed=feed,
            )
            host, port = settings.query_api.host, settings.query_api.port
            serve(
                app,
                readiness,
                host=host,
                port=port,
                http=settings.http,
                problem_base_url=settings.query_base_url,
            )
    finally:
        cql.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
