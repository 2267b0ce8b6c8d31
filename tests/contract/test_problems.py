"""Every error that leaves a service is a problem as RFC 9457 tells it."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.testclient import TestClient

from domain import errors as domain_errors
from domain.errors import AssetNotFound, Refusal, ScaleHosterError, VersionMismatch
from infra.errors import BrokerUnavailable, Overloaded, StoreUnavailable
from infra.http.application import install
from infra.http.body_limits import BodyLimits
from infra.http.problems import name_of, problem_kinds, status_of

BASE = "http://problems.example"
REFUSALS = [
    kind for kind in problem_kinds().values() if issubclass(kind, Refusal) and kind is not Refusal
]


class Body(BaseModel):
    count: int
    names: list[str] = []


class Switch:
    """A part of the service that can be broken."""

    def __init__(self) -> None:
        self.is_broken = False

    async def __call__(self) -> None:
        if self.is_broken:
            raise StoreUnavailable("10.1.2.3:9042 refused the connection")


def new_app(probe: Switch) -> FastAPI:
    app = FastAPI(title="sample")
    failures: dict[str, Exception] = {
        "stale": VersionMismatch("it is at version 3; read it again", {"current_version": "3"}),
        "missing": AssetNotFound("no asset 7"),
        "overloaded": Overloaded("the queue to 10.1.2.3 is full"),
        "broker": BrokerUnavailable("10.1.2.3 did not acknowledge"),
        "bug": RuntimeError("secret 10.1.2.3"),
        "teapot": HTTPException(418, "short and stout"),
    }

    @app.get("/fail/{how}")
    async def fail(how: str) -> None:
        raise failures[how]

    @app.get("/things/{number}")
    async def get_thing(number: int) -> int:
        return number

    @app.put("/things/{number}")
    async def put_thing(number: int, body: Body) -> int:
        return number + body.count

    @app.post("/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    install(
        app,
        service="sample",
        problem_base_url=BASE,
        probes={"views": probe},
        limits=BodyLimits(body_bytes=100, form_bytes=200),
    )
    return app


@pytest.fixture
def probe() -> Switch:
    return Switch()


@pytest.fixture
def client(probe: Switch) -> Iterator[TestClient]:
    with TestClient(new_app(probe), raise_server_exceptions=False) as client:
        yield client


def assert_problem(response: httpx2.Response, status: int, name: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["type"] == f"{BASE}/problems/{name}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"] == response.headers["x-request-id"]
    assert "10.1.2.3" not in response.text
    assert "Traceback" not in response.text
    return problem


@pytest.mark.parametrize("kind", REFUSALS, ids=lambda kind: kind.__name__)
def test_every_refusal_has_a_status_that_blames_the_request(kind: type[Refusal]) -> None:
    assert 400 <= status_of(kind) < 500


def test_the_table_is_asked_for_every_refusal_of_the_domain() -> None:
    named = {kind for kind in vars(domain_errors).values() if isinstance(kind, type)}
    assert named - {ScaleHosterError, Refusal} <= set(REFUSALS)


def test_no_two_errors_share_a_problem_name() -> None:
    by_name = problem_kinds()
    assert len({kind.__qualname__ for kind in by_name.values()}) == len(by_name)


@pytest.mark.parametrize("name", sorted(problem_kinds()))
def test_the_type_of_a_problem_is_a_page(client: TestClient, name: str) -> None:
    page = client.get(f"/problems/{name}")
    assert page.status_code == 200
    assert name in page.text


def test_an_unknown_problem_has_no_page(client: TestClient) -> None:
    assert_problem(client.get("/problems/nonsense"), 404, "route-not-found")


def test_a_refusal_keeps_its_sentence_and_its_facts(client: TestClient) -> None:
    problem = assert_problem(client.get("/fail/stale"), 412, "version-mismatch")
    assert problem["detail"] == "it is at version 3; read it again"
    assert problem["current_version"] == "3"


@pytest.mark.parametrize("how", ["overloaded", "broker"])
def test_what_may_work_later_says_when_to_come_back(client: TestClient, how: str) -> None:
    response = client.get(f"/fail/{how}")
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 1
    assert "10.1.2.3" not in response.text


def test_a_bug_tells_nothing_about_our_inside(client: TestClient) -> None:
    assert_problem(client.get("/fail/bug"), 500, "internal-fault")


def test_what_the_framework_raises_by_itself_is_a_problem_too(client: TestClient) -> None:
    assert_problem(client.get("/nowhere"), 404, "route-not-found")
    assert_problem(client.get("/fail/teapot"), 400, "bad-request")


def test_a_wrong_method_is_told_every_right_one(client: TestClient) -> None:
    response = client.delete("/things/1")
    assert_problem(response, 405, "method-not-allowed")
    assert response.headers["allow"] == "GET, PUT"


def test_bad_fields_are_pointed_at(client: TestClient) -> None:
    response = client.put("/things/1", json={"count": "x", "names": ["a", 2]})
    problem = assert_problem(response, 422, "request-invalid")
    assert [error["pointer"] for error in problem["errors"]] == ["#/count", "#/names/1"]


def test_bad_parameters_are_named(client: TestClient) -> None:
    problem = assert_problem(client.get("/things/x"), 422, "request-invalid")
    assert [error["parameter"] for error in problem["errors"]] == ["number"]


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_beyond_the_limit_is_not_read(client: TestClient, is_chunked: bool) -> None:  # noqa: FBT001 - a parameter of the test
    body = b"x" * 101
    response = client.post("/raw", content=iter([body[:50], body[50:]]) if is_chunked else body)
    assert_problem(response, 413, "body-too-large")
    assert client.post("/raw", content=b"x" * 100).json() == 100


def test_a_form_may_be_larger_than_other_bodies(client: TestClient) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post("/raw", content=b"x" * 200, headers=headers).json() == 200
    response = client.post("/raw", content=b"x" * 201, headers=headers)
    assert_problem(response, 413, "body-too-large")


def test_a_sane_request_id_of_the_client_is_kept(client: TestClient) -> None:
    kept = client.get("/livez", headers={"x-request-id": "abc-1.2_3"})
    assert kept.headers["x-request-id"] == "abc-1.2_3"


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "<script>", "-x"])
def test_any_other_request_id_is_replaced(client: TestClient, sent: str) -> None:
    assert client.get("/livez", headers={"x-request-id": sent}).headers["x-request-id"] != sent


def test_a_broken_part_makes_it_unready_but_not_dead(client: TestClient, probe: Switch) -> None:
    probe.is_broken = True
    problem = assert_problem(client.get("/readyz"), 503, "not-ready")
    assert problem["parts"] == {"views": "down"}
    assert client.get("/livez").status_code == 200


def test_readiness_names_what_it_asked(client: TestClient) -> None:
    assert client.get("/readyz").json() == {"status": "ready", "parts": {"views": "up"}}


def test_requests_are_counted_by_route_not_by_address(client: TestClient) -> None:
    for number in range(3):
        client.get(f"/things/{number}")
    client.get("/nowhere/7")
    families = {
        family.name: family
        for family in text_string_to_metric_families(client.get("/metrics").text)
    }
    counted = {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for sample in families["scalehoster_http_requests"].samples
        if sample.name.endswith("_total")
    }
    assert counted["/things/{number}", "200"] == 3
    assert counted["unmatched", "404"] == 1


def test_every_operation_documents_its_problems(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path, item in document["paths"].items():
        for method, operation in item.items():
            problems = [
                response["content"]["application/problem+json"]
                for status, response in operation["responses"].items()
                if int(status) >= 400
            ]
            assert problems, (path, method)
            assert all(each["schema"] for each in problems)
    assert "HTTPValidationError" not in str(document)


def test_names_of_problems_are_words_with_hyphens() -> None:
    assert name_of(AssetNotFound) == "asset-not-found"
