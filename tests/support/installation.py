"""A whole ScaleHoster of its own for tests: every service a real process, on shared servers."""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from cli.api_client import responds_ok
from cli.local_platform.services import COMMAND_API, QUERY_API, Service, Services
from domain.values import TenantId
from infra.cassandra.session import CassandraSession
from infra.http.authentication.api_keys import Scope, create_api_key
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.local_cluster import free_port
from infra.settings import CassandraSettings
from read_models.installation import apply_views
from tests.support.eventually import eventually
from tests.support.servers import Servers

READY_SECONDS = 60.0
ENDED = frozenset({"published", "rejected"})
CUSTOMERS: tuple[Scope, ...] = ("assets:write", "assets:read", "webhooks")

Json = dict[str, Any]


@dataclass(kw_only=True)
class Customer:
    """One tenant with a key, and what it asks the two APIs."""

    tenant_id: TenantId
    commands: httpx2.Client
    queries: httpx2.Client
    created: list[str] = field(default_factory=list)

    def create_category(self, slug: str) -> None:
        answer = self.commands.post("/v1/categories", json={"name": slug, "slug": slug})
        assert answer.status_code == 201, answer.text
        eventually(
            lambda: self.queries.get(f"/v1/categories/{slug}").status_code == 200,
            within_seconds=READY_SECONDS,  # the projections may just have started
        )

    def submit(self, url: str, *categories: str, key: str | None = None, **more: object) -> str:
        answer = self.commands.post(
            "/v1/assets",
            json={"download_url": url, "categories": list(categories), **more},
            headers={"Idempotency-Key": key} if key else {},
        )
        assert answer.status_code == 202, answer.text
        return str(answer.json()["asset_id"])

    def asset(self, asset_id: str) -> Json:
        answer = self.queries.get(f"/v1/assets/{asset_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def ended(self, asset_id: str, within_seconds: float = 60) -> Json:
        """Wait until a picture is published, and its public URL answers, or rejected."""

        def when_ended() -> Json | None:
            asset = self.asset(asset_id)
            if asset["status"] not in ENDED:
                return None
            if asset["public_url"] and self.queries.head(asset["public_url"]).status_code != 200:
                return None  # each view has its rows a moment before or after the others
            return asset

        found = eventually(when_ended, within_seconds=within_seconds)
        assert found is not None
        return found

    def listed(self, path: str) -> list[str]:
        """Name every asset of a listing, page by page."""
        found, page = [], f"{path}{'&' if '?' in path else '?'}limit=50"
        while page:
            answer = self.queries.get(page)
            assert answer.status_code == 200, answer.text
            found += [item["asset_id"] for item in answer.json()["items"]]
            page = answer.json()["next"]
        return found

    def by_category(self, slug: str) -> list[str]:
        return self.listed(f"/v1/categories/{slug}/assets")

    def by_date(self) -> list[str]:
        return self.listed("/v1/assets")


class Installation:
    """Services under one directory, with topics and a keyspace of their own."""

    def __init__(self, servers: Servers, directory: Path, allowed_origins: list[str]) -> None:
        name = f"e{uuid.uuid4().hex[:8]}"
        self.kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=f"{name}-")
        host, _, port = servers.bootstrap_servers.partition(":")
        self.cassandra = CassandraSettings(
            host=servers.cassandra_host, port=servers.cassandra_port, keyspace=name
        )
        self.command_url = f"http://127.0.0.1:{(command_port := free_port())}"
        self.query_url = f"http://127.0.0.1:{(query_port := free_port())}"
        self.directory = directory
        self.environment = {
            **os.environ,
            "SCALEHOSTER_DATA_DIR": str(directory),
            "SCALEHOSTER_SECRET": "a secret that all the tests have in common",
            "SCALEHOSTER_KAFKA__HOST": host,
            "SCALEHOSTER_KAFKA__PORT": port,
            "SCALEHOSTER_KAFKA__TOPIC_PREFIX": self.kafka.topic_prefix,
            "SCALEHOSTER_CASSANDRA__HOST": servers.cassandra_host,
            "SCALEHOSTER_CASSANDRA__PORT": str(servers.cassandra_port),
            "SCALEHOSTER_CASSANDRA__KEYSPACE": name,
            "SCALEHOSTER_COMMAND_API__PORT": str(command_port),
            "SCALEHOSTER_COMMAND_API__REQUESTS_PER_SECOND": "100000",
            "SCALEHOSTER_COMMAND_API__REQUESTS_PER_SECOND_PER_TENANT": "100000",
            "SCALEHOSTER_QUERY_API__PORT": str(query_port),
            "SCALEHOSTER_COMMAND_BASE_URL": self.command_url,
            "SCALEHOSTER_QUERY_BASE_URL": self.query_url,
            "SCALEHOSTER_PUBLIC_BASE_URL": self.query_url,
            "SCALEHOSTER_FETCH__ALLOWED_ORIGINS": json.dumps(allowed_origins),
            "SCALEHOSTER_FETCH__PER_HOST": "16",
            "SCALEHOSTER_FETCH__PER_HOST_PER_SECOND": "1000",
            "SCALEHOSTER_FETCH__BREAKER_FAILURES": "1000",
            "SCALEHOSTER_FETCH__TOTAL_SECONDS": "5",
            "SCALEHOSTER_FETCH__RETRY_SECONDS": "[0.2, 0.2, 0.2]",
            "SCALEHOSTER_DISPATCH__PURGE_DELAY_SECONDS": "2",
        }
        self.services = Services(directory, self.environment)

    def up(self) -> None:
        """Make what is missing, start what does not run, and wait until both APIs are ready."""
        apply_topics(self.kafka)
        apply_views(self.cassandra)
        self.start()

    def start(self) -> None:
        self.services.start()
        for url in (self.command_url, self.query_url):
            eventually(lambda url=url: responds_ok(f"{url}/readyz"), within_seconds=READY_SECONDS)  # type: ignore[misc] # the default binds the loop's value

    def down(self) -> None:
        self.services.stop()

    def restart(self, service: Service) -> None:
        """Start a service again after it was killed, and wait for it if it has a door."""
        self.services[service].start()
        for known, url in ((COMMAND_API, self.command_url), (QUERY_API, self.query_url)):
            if service == known:
                eventually(
                    lambda url=url: responds_ok(f"{url}/readyz"),  # type: ignore[misc] # as above
                    within_seconds=READY_SECONDS,
                )

    @contextmanager
    def customer(self, scopes: tuple[Scope, ...] = CUSTOMERS) -> Iterator[Customer]:
        """Let in a tenant nobody knew before."""
        tenant_id = TenantId(f"tenant-{uuid.uuid4().hex[:8]}")
        _, key = create_api_key(self.kafka, tenant_id, scopes, "test")
        headers = {"Authorization": f"Bearer {key}"}
        with (
            httpx2.Client(base_url=self.command_url, headers=headers, timeout=30) as commands,
            httpx2.Client(base_url=self.query_url, headers=headers, timeout=30) as queries,
        ):
            eventually(lambda: queries.get("/v1/categories").status_code == 200)
            eventually(lambda: commands.post("/v1/categories", json={}).status_code != 401)
            yield Customer(tenant_id=tenant_id, commands=commands, queries=queries)

    def remove(self) -> None:
        """Take the topics and the keyspace away again."""
        cql = CassandraSession(self.cassandra, keyspace=None)

        def is_dropped() -> bool:
            cql.execute(f"DROP KEYSPACE IF EXISTS {self.cassandra.keyspace}")
            return True

        eventually(is_dropped, within_seconds=120)  # so many tables may outlast one request
        cql.close()
        admin = self.kafka.admin()
        prefix = self.kafka.topic_prefix
        names = [name for name in admin.list_topics(timeout=20).topics if name.startswith(prefix)]
        for removal in admin.delete_topics(names).values() if names else ():
            removal.result(timeout=60)
