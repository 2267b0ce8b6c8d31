"""Real things of one tenant, so that requests a machine makes up also ask for what exists."""

from typing import Any
from uuid import uuid4

import schemathesis

from avro_schemas import registry
from tests.support.installation import Customer
from tests.support.supplier import Supplier, picture

_MATTERS_ELSEWHERE = ("If-Match", "ScaleHoster-Position", "Last-Event-ID")
_ON_DELETED = ("POST /v1/assets/{asset_id}/restore", "POST /v1/assets/{asset_id}/purge")
_BATCH = "POST /v1/assets/batch"
_OPERATIONS = "POST /v1/operations"
_REVERT = "POST /v1/operations/{operation_id}/revert"
_FEED = "GET /v1/events"
_REMOVE_ENDPOINT = "DELETE /v1/webhooks/{endpoint_id}"
_ON_ENABLED = ("POST /v1/webhooks/{endpoint_id}/test", "POST /v1/webhooks/{endpoint_id}/redeliver")
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
        self._endpoint_id = self._new_endpoint()

    def keep_near(self, case: schemathesis.Case[Any]) -> None:
        """Let nothing be fetched from beyond this machine, all be changed, or go on for ever."""
        if case.operation.label == _OPERATIONS and isinstance(case.body, dict):
            if case.body.get("dry_run", False) is False:
                case.body["dry_run"] = True
            return
        if case.operation.label == _FEED:
            case.headers["Prefer"] = "wait=0"
        for body in case.body if isinstance(case.body, list) else [case.body]:
            if isinstance(body, dict) and str(body.get("download_url")).startswith("http"):
                body["download_url"] = self._url
            if isinstance(body, dict) and str(body.get("url")).startswith("http"):
                body["url"] = self._url

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
        for name in ("cursor", "version"):
            case.query.pop(name, None)
        if "as_of" in case.query:
            case.query["as_of"] = self._customer.asset(self._published)["updated_at"]
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
            case "operation_id":
                return self._new_operation(operation)
            case "command_id":
                return self._command_id
            case "endpoint_id":
                return self._endpoint_for(operation)
            case "file_name":
                return "large.webp"
            case "transformation":
                return "w_30,f_webp"
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

    def _new_operation(self, operation: str) -> str:
        """Begin one that takes a minute to find out that none of its assets exists, and hold it."""
        nobody = [str(uuid4()) for _ in range(60)]
        begun = self._customer.commands.post(
            "/v1/operations",
            json={"kind": "delete", "filter": {"asset_ids": nobody}, "per_second": 1},
        ).raise_for_status()
        word = "cancel" if operation == _REVERT else "pause"
        at = f"/v1/operations/{begun.json()['operation_id']}"
        held = self._customer.commands.post(f"{at}/{word}").raise_for_status()
        seen = {"ScaleHoster-Position": held.headers["ScaleHoster-Position"], "Prefer": "wait=30"}
        self._customer.queries.get(at, headers=seen).raise_for_status()
        return str(begun.json()["operation_id"])

    def _endpoint_for(self, operation: str) -> str:
        if operation == _REMOVE_ENDPOINT:
            return self._new_endpoint()
        if operation in _ON_ENABLED:
            self._customer.commands.patch(
                f"/v1/webhooks/{self._endpoint_id}", json={"is_enabled": True}
            ).raise_for_status()
        return self._endpoint_id

    def _new_endpoint(self) -> str:
        answer = self._customer.commands.post("/v1/webhooks", json={"url": self._url})
        answer.raise_for_status()
        return str(answer.json()["endpoint_id"])

    def _new_category(self) -> str:
        slug = f"c-{uuid4()}"
        self._customer.commands.post(
            "/v1/categories", json={"name": slug, "slug": slug}
        ).raise_for_status()
        return slug

    def _fill_body(self, body: dict[str, Any], operation: str) -> None:
        if operation == _OPERATIONS:
            body.clear()
            body |= {"kind": "tag", "filter": {"all": True}, "tags": ["x"], "dry_run": True}
            return
        if "per_second" in body:
            body["per_second"] = 5  # 5.0 is an integer to JSON Schema, and none to us
        if "file" in body:
            body["file"] = picture(12)
            if "metadata" in body:
                body["metadata"] = "{}"
            if "focal_point" in body:
                body["focal_point"] = '{"x": 0.5, "y": 1}'
        if "download_url" in body:
            body["download_url"] = self._url
        if "url" in body:
            body["url"] = self._url
        if "from" in body:
            body.update({"from": "2026-01-01", "to": None})
        if "category" in body or "categories" in body:
            body.pop("category", None)
            body["categories"] = ["cats"]
        if "slug" in body or operation == "POST /v1/categories":
            body["slug"] = f"c-{uuid4()}"
        if "parent" in body:
            body["parent"] = None
