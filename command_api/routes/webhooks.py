"""Routes of webhook endpoints."""

from http import HTTPStatus
from typing import Annotated

from fastapi import FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from command_api.request_context import RequestContext
from command_api.requests.body_parser import PATCH, read_json
from command_api.requests.webhook_bodies import EndpointBody, EndpointPatch, RedeliveryBody
from command_api.responses.json_response import json_response
from command_api.responses.webhook_responses import (
    AttemptsAnswer,
    EndpointAnswer,
    EndpointsAnswer,
    RedeliveryAnswer,
    TestAnswer,
    WebhookResponses,
    attempt_response,
    redelivery_response,
)
from command_api.routes.route_descriptions import describe_immediate_write, json_body
from command_api.webhook_registry import WebhookRegistry
from domain.errors import IdempotencyKeyReused, TooManyWebhooks, WebhookIsDisabled, WebhookNotFound
from domain.webhook.endpoint import WebhookEndpoint
from infra.http.errors import RequestInvalid
from infra.http.openapi import documented

_PATH = "/v1/webhooks"
_ONE = _PATH + "/{endpoint_id}"
_MOST_ATTEMPTS = 100

Limit = Annotated[int, Query(ge=1, le=_MOST_ATTEMPTS)]


def add_webhook_routes(
    app: FastAPI,
    request_context: RequestContext,
    webhooks: WebhookRegistry,
    answers: WebhookResponses,
) -> None:
    """Add the routes; all of them need the scope ``webhooks``.

    It is one of its own, since whoever has it reads all that happens: an endpoint is told of every
    event, and of all history once it is asked for.
    """

    def shown(endpoint: WebhookEndpoint, secret: str | None = None) -> EndpointAnswer:
        return answers.endpoint(endpoint, webhooks.table.health(endpoint.endpoint_id), secret)

    @app.post(
        _PATH,
        tags=["webhooks"],
        status_code=HTTPStatus.CREATED,
        response_model=EndpointAnswer,
        openapi_extra=describe_immediate_write(json_body(EndpointBody)),
        responses=documented(TooManyWebhooks, IdempotencyKeyReused),
    )
    async def register(request: Request) -> Response:
        """Register an endpoint; the answer has its signing secret, this once."""
        with request_context.admission.admit(request, "webhooks") as write:
            body = await read_json(request, EndpointBody, request_context.rules)
            endpoint, secret = await webhooks.register(write, body)
            headers = {"Location": answers.link(endpoint.endpoint_id)}
            return json_response(shown(endpoint, secret), HTTPStatus.CREATED, headers)

    @app.get(_PATH, tags=["webhooks"], response_model=EndpointsAnswer)
    async def list_endpoints(request: Request) -> Response:
        """List the endpoints, the oldest first, and how they fare."""
        with request_context.admission.admit(request, "webhooks") as write:
            found = await webhooks.all(write.tenant_id)
            return json_response(EndpointsAnswer(items=tuple(map(shown, found))))

    @app.get(
        _ONE,
        tags=["webhooks"],
        response_model=EndpointAnswer,
        responses=documented(WebhookNotFound),
    )
    async def show_endpoint(request: Request, endpoint_id: str) -> Response:
        """Show an endpoint and how it fares."""
        with request_context.admission.admit(request, "webhooks") as write:
            endpoint = await webhooks.one(write.tenant_id, endpoint_id)
            return json_response(shown(endpoint))

    @app.patch(
        _ONE,
        tags=["webhooks"],
        response_model=EndpointAnswer,
        openapi_extra=describe_immediate_write(json_body(EndpointPatch, PATCH)),
        responses=documented(WebhookNotFound),
    )
    async def change(request: Request, endpoint_id: str) -> Response:
        """Change an endpoint, switch it off, or on again after it was disabled."""
        with request_context.admission.admit(request, "webhooks") as write:
            patch = await read_json(
                request, EndpointPatch, request_context.rules, media_types=PATCH
            )
            endpoint = await webhooks.change(write, endpoint_id, patch)
            return json_response(shown(endpoint))

    @app.delete(
        _ONE,
        tags=["webhooks"],
        response_model=EndpointAnswer,
        openapi_extra=describe_immediate_write(),
        responses=documented(WebhookNotFound),
    )
    async def remove(request: Request, endpoint_id: str) -> Response:
        """Remove an endpoint for good; what is on its way to it is dropped."""
        with request_context.admission.admit(request, "webhooks") as write:
            endpoint = await webhooks.remove(write, endpoint_id)
            return json_response(shown(endpoint))

    @app.post(
        f"{_ONE}/rotate-secret",
        tags=["webhooks"],
        response_model=EndpointAnswer,
        openapi_extra=describe_immediate_write(),
        responses=documented(WebhookNotFound),
    )
    async def rotate_secret(request: Request, endpoint_id: str) -> Response:
        """Make a new signing secret and show it, this once; the old one signs too for a day."""
        with request_context.admission.admit(request, "webhooks") as write:
            endpoint, secret = await webhooks.rotate(write, endpoint_id)
            return json_response(shown(endpoint, secret))

    @app.post(
        f"{_ONE}/test",
        tags=["webhooks"],
        status_code=HTTPStatus.ACCEPTED,
        response_model=TestAnswer,
        openapi_extra=describe_immediate_write(),
        responses=documented(WebhookNotFound, WebhookIsDisabled),
    )
    async def test(request: Request, endpoint_id: str) -> Response:
        """Send a made-up event of the type `webhook.test`."""
        with request_context.admission.admit(request, "webhooks") as write:
            answer = TestAnswer(webhook_id=await webhooks.test(write, endpoint_id))
            return json_response(answer, HTTPStatus.ACCEPTED)

    @app.get(
        f"{_ONE}/deliveries",
        tags=["webhooks"],
        response_model=AttemptsAnswer,
        responses=documented(WebhookNotFound, RequestInvalid),
    )
    async def list_deliveries(
        request: Request, endpoint_id: str, limit: Limit = _MOST_ATTEMPTS
    ) -> Response:
        """List the last attempts at an endpoint, the newest first; kept for 7 days."""
        with request_context.admission.admit(request, "webhooks") as write:
            made = await webhooks.deliveries(write.tenant_id, endpoint_id, limit)
            return json_response(AttemptsAnswer(items=tuple(map(attempt_response, made))))

    @app.post(
        f"{_ONE}/redeliver",
        tags=["webhooks"],
        status_code=HTTPStatus.ACCEPTED,
        response_model=RedeliveryAnswer,
        openapi_extra=describe_immediate_write(json_body(RedeliveryBody)),
        responses=documented(WebhookNotFound, WebhookIsDisabled),
    )
    async def redeliver(request: Request, endpoint_id: str) -> Response:
        """Tell all that happened in a stretch of time again, from any point of history on.

        Each event goes out under the `webhook-id` it had, or would have had, the first time.
        """
        with request_context.admission.admit(request, "webhooks") as write:
            body = await read_json(request, RedeliveryBody, request_context.rules)
            ordered = await webhooks.redeliver(write, endpoint_id, body)
            return json_response(redelivery_response(ordered), HTTPStatus.ACCEPTED)
