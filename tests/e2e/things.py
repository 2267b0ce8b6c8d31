"""Real things of one tenant, so that requests a machine makes up also ask for what exists."""

from typing import Any
from uuid import uuid4

import schemathesis

from avro_schemas import registry
from tests.e2e.installation import Customer
from tests.e2e.supplier import Supplier, picture

_MATTERS_ELSEWHERE = ("If-Match", "ScaleHoster-Position")
_ON_DELETED = ("POST /v1/assets/{asset_id}/restore", "POST /v1/assets/{asset_id}/purge")
_BATCH = "POST /v1/assets/batch"
_ON_PENDING = ("DELETE /v1/assets/{asset_id}",)


class Things:
    """A published picture with its name, category and command; more of each on demand."""

    def __init__(self, customer: Customer, supplier: Supplier) -> None:
        self._customer = customer
        self._url = supplier.url("picture/11.jpg")
        self._published = customer.submit(self._url, "cats")
        customer.ended(self._published)
        events = customer.queries.get(f"/v1/assets/{self._published}/events").json()["items"]
        self._command_id = events[0]["command_id"]

    def keep_near(self, case: schemathesis.Case[Any]) -> None:
        """Let nothing be fetched from beyond this machine."""
        for body in case.body if isinstance(case.body, list) else [case.body]:
            if isinstance(body, dict) and str(body.get("download_url")).startswith("http"):
                body["download_url"] = self._url

    def fill(self, case: schemathesis.Case[Any]) -> None:
        """Turn a request that is well formed into one that ought to succeed."""
        for name in case.path_parameters:
            case.path_parameters[name] = self._named(name, case.operation.label)
        for name in _MATTERS_ELSEWHERE:
            case.headers.pop(name, None)
        if case.operation.label == _BATCH:
            case.headers["Idempotency-Key"] = str(uuid4())
        if "Idempotency-Key" in case.headers:
            case.headers["Idempotency-Key"] = str(uuid4())
        case.query.pop("cursor", None)
        if case.media_type == "text/csv":
            case.body = f"download_url,category\n{self._url},cats\n"
        if isinstance(case.body, dict):
            self._fill_body(case.body, case.operation.label)

    def _named(self, parameter: str, operation: str) -> object:
        match parameter:
            case "asset_id":
                return self._asset_for(operation)
            case "category":
                return self._new_category() if operation[:3] != "GET" else "cats"
            case "command_id":
                return self._command_id
            case "file_name":
                return "large.webp"
            case "subject":
                return registry.subjects()[0]
            case "schema_id" | "version":
                return 1
            case "name":
                return "asset-not-found"
        raise AssertionError(f"{operation} has a parameter {parameter} that nobody told us about")

    def _asset_for(self, operation: str) -> str:
        if operation not in _ON_DELETED + _ON_PENDING:
            return self._published
        asset_id = self._customer.submit(self._url, "cats")
        if operation in _ON_DELETED:
            self._customer.commands.delete(f"/v1/assets/{asset_id}").raise_for_status()
        return asset_id

    def _new_category(self) -> str:
        slug = f"c-{uuid4()}"
        self._customer.commands.post(
            "/v1/categories", json={"name": slug, "slug": slug}
        ).raise_for_status()
        return slug

    def _fill_body(self, body: dict[str, Any], operation: str) -> None:
        if "file" in body:
            body["file"] = picture(12)
            if "metadata" in body:
                body["metadata"] = "{}"
        if "download_url" in body:
            body["download_url"] = self._url
        if "category" in body or "categories" in body:
            body.pop("category", None)
            body["categories"] = ["cats"]
        if "slug" in body or operation == "POST /v1/categories":
            body["slug"] = f"c-{uuid4()}"
        if "parent" in body:
            body["parent"] = None
