"""What both APIs say about themselves in OpenAPI holds, whatever a machine thinks up to ask.

Three kinds of requests go to each operation: well formed ones, the same about things that exist,
and ill formed ones. A run that met only refusals would prove nothing, so of the well formed ones a
fair share must succeed.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks as openapi

from tests.support.installation import Customer, Installation
from tests.support.supplier import Supplier
from tests.support.things import Things

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    # The driver's own threads use it when they connect again; Hypothesis takes that for ours.
    pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies"),
]

Operation = APIOperation[Any, Any, Any, Any]
EXAMPLES = 8
FAIR_SHARE = 0.3
ADMIN = "/v1/admin/"
PROBLEM = "application/problem+json"
PROMISES = [
    not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
]
bounded = settings(
    max_examples=EXAMPLES,
    phases=[Phase.generate],
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def operations(url: str) -> Iterator[Operation]:
    """Read what an API says of itself, but for the key: that one is always sent."""
    document = httpx2.get(f"{url}/openapi.json").json()
    for path in document["paths"].values():
        for operation in path.values():
            operation.pop("security", None)
    described = schemathesis.openapi.from_dict(document)
    described.config.update(base_url=url)
    for found in described.get_all_operations():
        assert isinstance(found, Ok), found
        yield found.ok()


@pytest.mark.parametrize("api", ["command", "query"])
def test_every_answer_is_as_described(
    installation: Installation,
    customer: Customer,
    supplier: Supplier,
    subtests: pytest.Subtests,
    api: str,
) -> None:
    url = installation.command_url if api == "command" else installation.query_url
    headers = {"Authorization": customer.commands.headers["Authorization"]}
    things = Things(customer, supplier)
    statuses: defaultdict[str, Counter[int]] = defaultdict(Counter)

    def ask(case: schemathesis.Case[Any], *more: Callable[..., bool | None]) -> int:
        things.keep_near(case)
        answer = case.call(headers=headers)
        case.validate_response(answer, checks=[*PROMISES, *more])
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == [PROBLEM]
            assert answer.json()["status"] == answer.status_code
        return answer.status_code

    def check(operation: Operation) -> None:
        @bounded
        @given(case=operation.as_strategy(GenerationMode.POSITIVE))
        def well_formed(case: schemathesis.Case[Any]) -> None:
            statuses[operation.label][ask(case)] += 1

        @bounded
        @given(case=operation.as_strategy(GenerationMode.POSITIVE))
        def about_things_that_exist(case: schemathesis.Case[Any]) -> None:
            things.fill(case)
            statuses[operation.label][ask(case)] += 1

        @bounded
        @given(case=operation.as_strategy(GenerationMode.NEGATIVE))
        def ill_formed(case: schemathesis.Case[Any]) -> None:
            ask(case, openapi.negative_data_rejection)

        well_formed()
        about_things_that_exist()
        with suppress(Unsatisfiable):  # some take any text at all
            ill_formed()

    for operation in operations(url):
        if operation.path.startswith(ADMIN):
            continue  # it works on the whole installation, which other tests use too
        with subtests.test(operation=operation.label):
            check(operation)
            counted = statuses[operation.label]
            succeeded = sum(times for status, times in counted.items() if status < 300)
            assert succeeded >= FAIR_SHARE * counted.total(), counted


@pytest.mark.parametrize("api", ["command", "query"])
@pytest.mark.parametrize("key", [None, "Bearer shk_made_up", "Basic c2hrOg=="])
def test_nothing_about_a_tenant_is_told_or_done_without_a_key(
    installation: Installation, api: str, key: str | None
) -> None:
    url = installation.command_url if api == "command" else installation.query_url
    guarded = [one for one in operations(url) if one.path.startswith("/v1/")]
    assert guarded
    for operation in guarded:
        answer = httpx2.request(
            operation.method, url + operation.path, headers={"Authorization": key} if key else {}
        )
        assert answer.status_code == 401, operation.label
        assert answer.headers["content-type"] == PROBLEM
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "odd",
    [
        r'"title": "\ud800"',
        r'"tags": ["a\udfffb"]',
        r'"metadata": {"\ud800": 1}',
        r'"metadata": {"a": [NaN]}',
        r'"metadata": {"a": 1e999}',
        '"metadata": ' + 2_000 * "[" + 2_000 * "]",
        r'"download_url": "http://\ud800/"',
    ],
)
def test_json_that_no_log_can_hold_is_refused(customer: Customer, odd: str) -> None:
    text = f'{{"download_url": "https://example.com/1.jpg", "category": "cats", {odd}}}'
    answer = customer.commands.post(
        "/v1/assets", content=text, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == PROBLEM
