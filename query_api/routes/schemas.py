"""The schema registry, read-only, as Confluent's clients ask it."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from avro_schemas import registry
from avro_schemas.errors import UnknownSchema
from avro_schemas.registry import WrittenSchema
from infra.http.openapi import documented
from query_api.errors import SchemaNotFound
from query_api.responses.json_response import public_response

_NO_SUBJECT, _NO_VERSION, _NO_SCHEMA = "40401", "40402", "40403"  # Confluent's error codes
_RESPONSES: dict[int | str, dict[str, Any]] = documented(SchemaNotFound)


def routes() -> APIRouter:
    """Make the routes; they are what `schema.registry.url` = this service's `/` needs."""
    router = APIRouter(tags=["schemas"])

    @router.get("/schemas/ids/{schema_id}", responses=_RESPONSES)
    async def show_schema(schema_id: int) -> Response:
        """Show a schema by the id that stands in the frame of each record."""
        found = registry.schemas().get(schema_id)
        if found is None:
            raise _unknown(f"no schema has the id {schema_id}", _NO_SCHEMA)
        return public_response({"schema": found.text})

    @router.get("/subjects")
    async def list_subjects() -> Response:
        """List every message by its full name."""
        return public_response(registry.subjects())

    @router.get("/subjects/{subject}/versions", responses=_RESPONSES)
    async def list_versions(subject: str) -> Response:
        """List the versions of a message's schema."""
        return public_response(sorted(_versions(subject)))

    @router.get("/subjects/{subject}/versions/{version}", responses=_RESPONSES)
    async def show_version(subject: str, version: str) -> Response:
        """Show one version of a message's schema, or the `latest`."""
        versions = _versions(subject)
        number = max(versions) if version == "latest" else _number(version)
        if number not in versions:
            raise _unknown(f"{subject} has no version {version}", _NO_VERSION)
        found = versions[number]
        return public_response(
            {
                "subject": subject,
                "version": found.version,
                "id": found.schema_id,
                "schemaType": "AVRO",
                "schema": found.text,
            }
        )

    return router


def _versions(subject: str) -> Mapping[int, WrittenSchema]:
    try:
        return registry.versions(subject)
    except UnknownSchema as error:
        raise _unknown(str(error), _NO_SUBJECT) from error


def _number(version: str) -> int:
    return int(version) if version.isascii() and version.isdigit() else 0


def _unknown(detail: str, code: str) -> SchemaNotFound:
    return SchemaNotFound(detail, {"error_code": code, "message": detail})
