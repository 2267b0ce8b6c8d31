"""One attempt at an endpoint: signed, to a public address only, once."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from domain.webhook.endpoint import WebhookEndpoint
from read_models.webhooks.signing_secrets import WebhookSecrets
from streams.ingestion.fetcher import Resolver
from streams.webhooks.webhook_sender import DeliveryResponse, WebhookSender
from tests.support.fakes.fetcher_fakes import FakeResolver
from tests.support.ssrf_vectors import DENIED, NOT_A_NAME_FOR_IDNA
from tests.support.webhook_parts import DELIVERY, ENDPOINT, SECRETS
from tests.support.webhook_receiver import HookReceiver, Told
from tests.unit.streams.outbound_http.test_nothing_is_dialled import PUBLIC, TRUSTS_NOBODY


def attempt(
    url: str, resolver: Resolver | None = None, *, allowed: str = "", seconds: float = 5.0
) -> DeliveryResponse:
    return post(replace(ENDPOINT, url=url), resolver, allowed=allowed, seconds=seconds)


def post(
    endpoint: WebhookEndpoint,
    resolver: Resolver | None = None,
    *,
    allowed: str = "",
    seconds: float = 5.0,
) -> DeliveryResponse:
    webhook_sender = WebhookSender(
        resolver or FakeResolver(),
        SECRETS,
        timeout_seconds=seconds,
        allowed_origins={allowed},
        tls=TRUSTS_NOBODY,
    )
    return asyncio.run(webhook_sender.post(endpoint, DELIVERY, datetime.now(UTC)))


def arrived(endpoint: WebhookEndpoint) -> Told:
    """Post once to a real server and give what arrived there."""
    with HookReceiver().running() as receiver:
        endpoint = replace(endpoint, url=receiver.url("hook?a=b"))
        assert post(endpoint, allowed=receiver.host).is_well
        (told,) = receiver.told("hook?a=b")
    return told


@pytest.mark.parametrize("url", DENIED, ids=ascii)
def test_a_hostile_url_is_neither_looked_up_nor_dialled(url: str, dialled: list[object]) -> None:
    resolver = FakeResolver()
    answered = attempt(url, resolver)
    assert answered.status is None
    assert not answered.is_well
    assert dialled == []
    assert resolver.asked == []


@pytest.mark.parametrize("url", NOT_A_NAME_FOR_IDNA, ids=ascii)
def test_a_name_that_idna_refuses_is_not_dialled(url: str, dialled: list[object]) -> None:
    assert not attempt(url).is_well
    assert dialled == []


@pytest.mark.parametrize("addresses", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::ffff:7f00:1"]])
def test_a_name_that_leads_inside_since_it_was_registered_is_not_dialled(
    addresses: list[str], dialled: list[object]
) -> None:
    resolver = FakeResolver({"localtest.me.": addresses})
    assert attempt("https://localtest.me/hooks", resolver).detail == (
        "the host is not on the public internet"
    )
    assert dialled == []
    assert resolver.asked == ["localtest.me."]


def test_a_public_name_is_looked_up_once_and_dialled_by_number(dialled: list[object]) -> None:
    resolver = FakeResolver({"example.com.": [PUBLIC]})
    assert attempt("http://example.com/", resolver).detail == "the endpoint could not be reached"
    assert dialled == [(PUBLIC, 80)]
    assert resolver.asked == ["example.com."]


def test_what_arrives_is_verified_by_the_library_of_receivers() -> None:
    told = arrived(ENDPOINT)
    assert told.webhook_id == DELIVERY.delivery_id
    assert told.headers["content-type"] == "application/json"
    assert told.body.decode() == DELIVERY.body
    assert told.verified(SECRETS.text(ENDPOINT.endpoint_id, 1, SECRETS.current)) == told.event
    with pytest.raises(WebhookVerificationError):
        told.verified(SECRETS.text(ENDPOINT.endpoint_id, 2, SECRETS.current))
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRETS.text(ENDPOINT.endpoint_id, 1, SECRETS.current)).verify(
            told.body + b" ", told.headers
        )


def test_after_a_rotation_both_secrets_sign_for_a_while() -> None:
    rotated = replace(ENDPOINT, secret_number=2, previous_made_with=SECRETS.current)
    old, new = (SECRETS.text(ENDPOINT.endpoint_id, n, SECRETS.current) for n in (1, 2))
    soon, past = (datetime.now(UTC) + timedelta(hours=hours) for hours in (1, -1))
    told = arrived(replace(rotated, previous_until=soon))
    assert told.verified(old) == told.verified(new)
    told = arrived(replace(rotated, previous_until=past))
    assert told.verified(new)
    with pytest.raises(WebhookVerificationError):
        told.verified(old)


def test_a_secret_of_the_installation_may_be_replaced_without_breaking_signatures() -> None:
    later = WebhookSecrets(["another", "a secret of the tests"])
    assert later.current != SECRETS.current
    assert later.text(ENDPOINT.endpoint_id, 1, SECRETS.current) == SECRETS.text(
        ENDPOINT.endpoint_id, 1, SECRETS.current
    )


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with HookReceiver().running() as receiver:
        answered = attempt(receiver.url(f"status/{status}"), allowed=receiver.host)
        assert len(receiver.told(f"status/{status}")) == 1
    assert (answered.status, answered.is_well) == (status, False)
    assert "not followed" in answered.detail


def test_one_who_does_not_answer_is_given_up_on_in_time() -> None:
    with HookReceiver().running() as receiver:
        answered = attempt(receiver.url("held"), allowed=receiver.host, seconds=0.2)
    assert answered.detail == "the endpoint did not answer in time"


def test_an_endpoint_whose_secret_is_lost_fails_without_telling_why() -> None:
    lost = replace(ENDPOINT, url="http://127.0.0.1:9/", made_with="0123456789abcdef")
    assert post(lost, allowed="127.0.0.1:9").detail == "something went wrong on our side"
