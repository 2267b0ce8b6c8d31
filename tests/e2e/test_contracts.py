"""What both APIs say about themselves in OpenAPI holds, whatever a machine thinks up to ask.

Three kinds of requests go to each operation: well formed ones, the same about things that exist,
and ill formed ones. A run that met only refusals would prove nothing, so of the well formed ones a
fair share must succeed.
"""

from collections import Counter, defaultdict

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks as openapi

from tests.e2e.installation import Customer, Installation
from tests.e2e.supplier import Supplier
from tests.e2e.things import Things

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EXAMPLES = 12
FAIR_SHARE = 0.3
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
    described = schemathesis.openapi.from_url(f"{url}/openapi.json")
    things = Things(customer, supplier)
    statuses: defaultdict[str, Counter[int]] = defaultdict(Counter)

    def ask(case: schemathesis.Case, *more: object) -> int:
        answer = case.call(headers=headers)
        case.validate_response(answer, checks=[*PROMISES, *more])
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == [PROBLEM]
            assert answer.json()["status"] == answer.status_code
        return answer.status_code

    def check(operation: schemathesis.APIOperation) -> None:
        @bounded
        @given(case=operation.as_strategy(GenerationMode.POSITIVE))
        def well_formed(case: schemathesis.Case) -> None:
            statuses[operation.label][ask(case)] += 1

        @bounded
        @given(case=operation.as_strategy(GenerationMode.POSITIVE))
        def about_things_that_exist(case: schemathesis.Case) -> None:
            things.fill(case)
            statuses[operation.label][ask(case)] += 1

        @bounded
        @given(case=operation.as_strategy(GenerationMode.NEGATIVE))
        def ill_formed(case: schemathesis.Case) -> None:
            ask(case, openapi.negative_data_rejection)

        well_formed()
        about_things_that_exist()
        if operation.path_parameters or operation.query or operation.headers or operation.body:
            ill_formed()

    for found in described.get_all_operations():
        operation = found.ok()
        with subtests.test(operation=operation.label):
            check(operation)
            counted = statuses[operation.label]
            succeeded = sum(times for status, times in counted.items() if status < 300)
            assert succeeded >= FAIR_SHARE * counted.total(), counted
