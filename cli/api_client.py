"""A client of our own two APIs."""

import json
from dataclasses import dataclass
from typing import Any, Self

import httpx2

from domain.errors import ScaleHosterError

_TIMEOUT_SECONDS = 30.0
_NDJSON = "application/x-ndjson"


class ApiProblem(ScaleHosterError):
    """An API answered with a problem."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('title', '')} {problem.get('detail', '')}".strip())
        self.status = status
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResponse:
    """A response of an API."""

    status: int
    body: Any
    headers: httpx2.Headers


class ApiClient:
    """One of the two APIs, asked with a key; raises ApiProblem and ApiUnreachable."""

    def __init__(self, base_url: str, key: str) -> None:
        self._client = httpx2.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=_TIMEOUT_SECONDS,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str) -> ApiResponse:
        """GET something."""
        return self._ask("GET", path)

    def post(self, path: str, body: dict[str, Any], idempotency_key: str) -> ApiResponse:
        """POST a request; repeated with the same key it is carried out once."""
        return self._ask("POST", path, json=body, headers={"Idempotency-Key": idempotency_key})

    def delete(self, path: str, idempotency_key: str = "") -> ApiResponse:
        """DELETE something; repeated with the same key it is carried out once."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._ask("DELETE", path, headers=headers)

    def post_lines(self, path: str, lines: bytes, idempotency_key: str) -> list[dict[str, Any]]:
        """Send NDJSON and return the NDJSON that is answered."""
        headers = {"Content-Type": _NDJSON, "Idempotency-Key": idempotency_key}
        return list(self._ask("POST", path, content=lines, headers=headers).body)

    def _ask(self, method: str, path: str, **options: Any) -> ApiResponse:  # noqa: ANN401 - handed through
        try:
            response = self._client.request(method, path, **options)
        except httpx2.TransportError as error:
            raise ApiUnreachable(f"{self._client.base_url} does not answer: {error}") from error
        body = _read(response)
        if response.is_error:
            raise ApiProblem(response.status_code, body if isinstance(body, dict) else {})
        return ApiResponse(status=response.status_code, body=body, headers=response.headers)


def _read(response: httpx2.Response) -> Any:  # noqa: ANN401 - JSON of any form
    if response.headers.get("content-type") == _NDJSON:
        return [json.loads(line) for line in response.content.splitlines()]
    return response.json() if response.content else None


class ApiUnreachable(ScaleHosterError):
    """An API does not answer; perhaps the platform is not up."""


def without_empty(**named: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Make a body of what was typed."""
    return {name: value for name, value in named.items() if value not in (None, [])}


def responds_ok(url: str) -> bool:
    """Tell whether something answers 2xx there."""
    try:
        return httpx2.get(url, timeout=5, trust_env=False).is_success
    except httpx2.TransportError:
        return False
