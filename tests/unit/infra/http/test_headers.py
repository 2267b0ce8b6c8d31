"""Headers that two readers could understand differently."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.testclient import TestClient

from infra.http.application import install
from infra.http.body_limits import BodyLimits

FORM = "multipart/form-data; boundary=x"


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = FastAPI(title="sample")

    @app.post("/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    install(
        app,
        service="sample",
        problem_base_url="http://problems.example",
        probes={},
        limits=BodyLimits(body_bytes=100, form_bytes=200),
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Content-Length",
        "Content-Type",
        "Host",
        "Idempotency-Key",
        "If-Match",
        "Last-Event-ID",
        "Transfer-Encoding",
    ],
)
def test_a_header_that_can_stand_once_is_refused_twice(client: TestClient, name: str) -> None:
    answer = client.post("/raw", headers=[(name, "1"), (name, "1")])
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"] == [{"detail": "must be given once", "parameter": name}]


@pytest.mark.parametrize("types", [("application/json", FORM), (FORM, "application/json")])
def test_no_second_content_type_raises_the_limit(
    client: TestClient, types: tuple[str, str]
) -> None:
    headers = [("Content-Type", each) for each in types]
    assert client.post("/raw", headers=headers, content=b"x" * 150).status_code == 400


def test_a_list_may_come_in_several_headers(client: TestClient) -> None:
    headers = [
        ("Prefer", "wait=1"),
        ("Prefer", "respond-async"),
        ("Accept", "a/b"),
        ("Accept", "*"),
    ]
    assert client.post("/raw", headers=headers).status_code == 200


@pytest.mark.parametrize("written", ["Multipart/Form-Data;boundary=x", " multipart/form-data"])
def test_a_form_is_one_however_its_media_type_is_written(client: TestClient, written: str) -> None:
    headers = {"Content-Type": written}
    assert client.post("/raw", headers=headers, content=b"x" * 150).json() == 150


@pytest.mark.parametrize("other", ["multipart/mixed; boundary=x", "multipart/form-data-not"])
def test_what_is_no_form_has_the_limit_of_other_bodies(client: TestClient, other: str) -> None:
    answer = client.post("/raw", headers={"Content-Type": other}, content=b"x" * 150)
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/raw/", "/livez/", "/problems/"])
def test_no_redirect_is_made_of_the_host_header(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"Host": "evil.example"}, follow_redirects=False)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "evil.example" not in answer.text + str(answer.headers)
