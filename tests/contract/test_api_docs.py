"""``/docs`` of both APIs: all that the page needs comes from the API itself."""

import re
from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from query_api.app import BaseUrls, QueryApiDependencies, create_app
from read_models.view_reader import ViewReader
from tests.contract.test_command_api_description import new_app as command_api
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.fakes.memory_log import MemoryLogEnds
from tests.support.fakes.memory_tables import MemoryTables
from tests.unit.query_api.conftest import MemoryKeys, MemoryRenderer


def query_api() -> FastAPI:
    blobs = MemoryBlobStore()
    app, _ = create_app(
        QueryApiDependencies(
            views=ViewReader(MemoryTables()),
            log_end_offsets=MemoryLogEnds(),
            blobs=blobs,
            keys=MemoryKeys(),
            renderer=MemoryRenderer(blobs),
        ),
        cursor_secrets=["today"],
        addresses=BaseUrls(
            public_base_url="https://img.example", problem_base_url="https://api.example"
        ),
        wait_seconds=0.05,
        blob_cache_bytes=1_000,
        probes={},
    )
    return app


@pytest.fixture(params=[command_api, query_api], ids=["command API", "query API"])
def client(request: pytest.FixtureRequest) -> Iterator[TestClient]:
    new_app: Callable[[], FastAPI] = request.param
    with TestClient(new_app()) as client:
        yield client


def test_the_page_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs").raise_for_status()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert not [url for url in loaded if re.match(r"(https?:)?//", url)]
    assert not re.search(r"https?://|<style|style=|<script>|onclick=", page.text)


def test_all_that_it_names_is_served(client: TestClient) -> None:
    page = client.get("/docs").raise_for_status()
    named = [url for url in re.findall(r'(?:src|href)="([^"]+)"', page.text) if url != "data:,"]
    assert {"docs/swagger-ui-bundle.js", "docs/swagger-ui.css", "docs/start.js"} <= set(named)
    for url in named:
        part = client.get(f"/{url}").raise_for_status()
        assert part.headers.get("x-content-type-options") == "nosniff" or "openapi" in url
        kinds = {"js": "text/javascript", "ss": "text/css", "on": "application/json"}
        assert part.headers["content-type"].startswith(kinds[url[-2:]])


def test_the_browser_is_told_to_load_nothing_else(client: TestClient) -> None:
    policy = client.get("/docs").headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert rules["connect-src"] == "'self'"
    assert not re.search(r"https?:|\*|unsafe", policy)


def test_a_part_that_is_there_is_not_loaded_again(client: TestClient) -> None:
    tag = client.get("/docs/swagger-ui-bundle.js").headers["etag"]
    again = client.get("/docs/swagger-ui-bundle.js", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/redoc", "/docs/oauth2-redirect", "/docs/nothing.js", "/docs/%2e%2e%2fserving.py"]
)
def test_there_is_nothing_else_beside_it(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_licences_are_shipped_and_told(client: TestClient) -> None:
    assert "Apache License" in client.get("/docs/LICENSE").text
    assert "SmartBear" in client.get("/docs/NOTICE").text
    assert "MIT" in client.get("/docs/swagger-ui-bundle.js.LICENSE.txt").text
