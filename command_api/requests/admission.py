"""Admission of a write: who sends it, which command it is, under which conditions."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from starlette.requests import Request

from avro_schemas.encryption import process_encryptor
from command_api.requests.prefer_header import WaitPreference, preference
from command_api.requests.rate_limiter import RateLimiter
from domain.commands import CommandMetadata
from domain.identity import command_id_for
from domain.values import Actor, CommandId, CorrelationId, TenantId
from infra.http.access import Access
from infra.http.authentication.api_keys import Scope
from infra.http.body_limits import IncomingBody, body_of
from infra.http.errors import MalformedHeader
from infra.http.request_middleware import request_id
from infra.http.tenant_slots import TenantSlots

_KEY = re.compile(r'"(?P<quoted>(?:[^"\\]|\\["\\])*)"|(?P<bare>[^"].*)')
_MAX_KEY_LENGTH = 255
_REQUESTS = "requests"  # the entity whose key encrypts fingerprints; no id looks like that
_VERSION = re.compile(r'"([0-9]{1,18})"')


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRequest:
    """One write as its headers tell it; ``expected_version`` is its If-Match."""

    tenant_id: TenantId
    actor: Actor
    target: str
    command_id: CommandId
    idempotency_key: str | None
    expected_version: int | None
    preference: WaitPreference
    correlation_id: CorrelationId
    received_at: datetime
    reply_partition: int

    def metadata(self, entity_id: str, content: str) -> CommandMetadata:
        """Mark the command of this write; ``content`` is all that makes it the same one again.

        Raises KeysLost.
        """
        return CommandMetadata(
            command_id=self.command_id,
            tenant_id=self.tenant_id,
            entity_id=entity_id,
            issued_at=self.received_at,
            correlation_id=self.correlation_id,
            actor=self.actor,
            expected_version=self.expected_version,
            fingerprint=_fingerprint(self.tenant_id, f"{self.target}\n{content}"),
            reply_partition=self.reply_partition,
        )


def _fingerprint(tenant_id: TenantId, request: str) -> str:
    """Tell requests apart for ever, without confirming a guess of what one said.

    A bare hash of a name and a title would be found by trying. This one needs a key of the tenant.
    """
    sealed = process_encryptor().encrypt(
        (tenant_id, _REQUESTS), sha256(request.encode()).digest(), "fingerprint"
    )
    return sha256(sealed or b"").hexdigest()


class Admission:
    """Lets writes in: with a key, within its rate, and only so many at a time.

    Those whose body is still coming and those under way are counted apart, both by tenant: who
    sends slowly takes no place of those that could be decided.
    """

    def __init__(
        self,
        access: Access,
        rates: tuple[RateLimiter, RateLimiter],
        *,
        max_in_flight: int,
        wait_seconds: float,
        reply_partition: int,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._access = access
        self._rate_of_key, self._rate_of_tenant = rates
        self._arriving = TenantSlots(max_in_flight, "bodies of writes")
        self._under_way = TenantSlots(max_in_flight, "writes")
        self._wait_seconds = wait_seconds
        self._reply_partition = reply_partition
        self._now = now
        self._new_id = new_id

    @property
    def in_flight(self) -> int:
        """How many writes are under way, whose bodies are there."""
        return self._under_way.taken

    @contextmanager
    def admit(self, request: Request, scope: Scope = "assets:write") -> Iterator[WriteRequest]:
        """Take one write in until its answer is made.

        Raises ApiKeyMissing, ApiKeyRefused, ScopeMissing, RateLimited, Overloaded, MalformedHeader.
        """
        caller = self._access.admit(request, scope)
        self._rate_of_tenant.check(caller.tenant_id)
        self._rate_of_key.take(caller.key_id)
        self._rate_of_tenant.take(caller.tenant_id)
        with self._slot(caller.tenant_id, body_of(request.scope)):
            headers = request.headers
            target = f"{request.method} {request.scope['path']}"
            key = _idempotency_key(headers.get("idempotency-key"))
            yield WriteRequest(
                tenant_id=caller.tenant_id,
                actor=Actor(f"key:{caller.key_id}"),
                target=target,
                command_id=CommandId(self._new_id())
                if key is None
                else command_id_for(caller.tenant_id, target, key),
                idempotency_key=key,
                expected_version=_expected_version(headers.get("if-match")),
                preference=preference(headers.get("prefer", ""), self._wait_seconds),
                correlation_id=CorrelationId(request_id(request)),
                received_at=self._now(),
                reply_partition=self._reply_partition,
            )

    @contextmanager
    def _slot(self, tenant_id: TenantId, body: IncomingBody) -> Iterator[None]:
        """Hold a place, another one from when the body is there; raises Overloaded.

        Overloaded may also be raised to the reader of the last byte.
        """
        with ExitStack() as held:

            def begin() -> None:
                held.close()
                held.enter_context(self._under_way.take(tenant_id))

            if body.is_whole:
                begin()
            else:
                held.enter_context(self._arriving.take(tenant_id))
                body.when_whole(begin)
            try:
                yield
            finally:
                body.when_whole(None)


def _idempotency_key(header: str | None) -> str | None:
    """Read a structured-field string, or the bare word that most clients send."""
    if header is None:
        return None
    found = _KEY.fullmatch(header) if header.isascii() and header.isprintable() else None
    key = found and (found["bare"] or re.sub(r"\\(.)", r"\1", found["quoted"] or ""))
    if not key or len(key) > _MAX_KEY_LENGTH:
        raise _malformed(
            "Idempotency-Key", f"1 to {_MAX_KEY_LENGTH} printable ASCII characters, quoted or bare"
        )
    return key


def _expected_version(header: str | None) -> int | None:
    if header is None or header.strip() == "*":
        return None
    found = _VERSION.fullmatch(header.strip())
    if found is None:
        raise _malformed("If-Match", 'one version as the ETag of an answer shows it, such as "3"')
    return int(found[1])


def _malformed(name: str, wanted: str) -> MalformedHeader:
    return MalformedHeader(
        f"{name} must be {wanted}", errors=[{"detail": f"must be {wanted}", "parameter": name}]
    )
