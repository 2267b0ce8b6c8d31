"""The table of API keys in memory, kept current by following their topic."""

import hmac
import logging
from collections.abc import Collection
from dataclasses import dataclass

from domain.values import TenantId
from infra.http.authentication.api_keys import (
    ApiKey,
    Scope,
    api_key_digest,
    api_key_from_json,
    is_well_formed,
)
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import Record, read_from_beginning
from infra.kafka.tailer import Tailer
from infra.kafka.topics import API_KEYS

log = logging.getLogger(__name__)


class ApiKeyRejected(Exception):
    """This is no valid key of ours; the text may be shown to its sender."""


class ApiKeysNotLoaded(Exception):
    """Nobody can be recognised yet: the keys are still being read for the first time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sent a request, and what they may do."""

    tenant_id: TenantId
    key_id: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Tell whether the key has this scope; admin has every one."""
        return scope in self.scopes or "admin" in self.scopes


class ApiKeyTable:
    """Every valid key by the digest of its text.

    One thread may put keys while others look them up. A revocation is final: no later record, read
    again or out of order, brings a key back. Nobody is let in or refused before ``complete`` was
    called: neither a key nor its revocation may have been read yet. Keys of ``refused_tenants`` let
    nobody in, whatever the topic says.
    """

    def __init__(self, refused_tenants: Collection[str] = ()) -> None:
        self._refused_tenants = frozenset(refused_tenants)
        self._is_complete = False
        self._valid: dict[str, tuple[str, Caller]] = {}
        self._revoked: set[str] = set()

    def put(self, api_key: ApiKey) -> None:
        """Learn of a key, or of its revocation."""
        if api_key.revoked_at is not None:
            self._revoked.add(api_key.key_id)
        if api_key.key_id in self._revoked:
            self._valid.pop(api_key.sha256, None)
            return
        if api_key.tenant_id in self._refused_tenants:
            log.warning("%s lets nobody in here: %s is refused", api_key.key_id, api_key.tenant_id)
            return
        caller = Caller(
            tenant_id=api_key.tenant_id, key_id=api_key.key_id, scopes=frozenset(api_key.scopes)
        )
        self._valid[api_key.sha256] = api_key.sha256, caller

    def complete(self) -> None:
        """Learn that every key was put that there was at the start; it stays so."""
        self._is_complete = True

    def authenticate(self, text: str) -> Caller:
        """Find out whose key this is; raises ApiKeyRejected or ApiKeysNotLoaded.

        The look-up goes by SHA-256 and the comparison takes the same time wherever they differ, so
        that answering tells nothing about other keys.
        """
        if not self._is_complete:
            raise ApiKeysNotLoaded
        wanted = api_key_digest(text)
        stored, caller = self._valid.get(wanted, ("", None))
        if caller is not None and hmac.compare_digest(stored, wanted):
            return caller
        if is_well_formed(text):
            raise ApiKeyRejected("the API key is unknown or was revoked")
        raise ApiKeyRejected("the API key is malformed; copy it whole, it begins with shk_")


def follow_api_keys(kafka: Kafka, table: ApiKeyTable) -> Tailer:
    """Keep a table current, from the topic's beginning on; use the result as a context.

    A revocation counts as soon as its record was read, milliseconds after it was acknowledged.
    The table is complete once the topic was read to its end.
    """

    def learn(record: Record) -> None:
        if record.value:
            table.put(api_key_from_json(record.value))

    return Tailer("api-keys", lambda: read_from_beginning(kafka, API_KEYS), learn, table.complete)
