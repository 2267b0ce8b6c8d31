"""API keys for tests: valid, revoked, of another tenant."""

from collections.abc import Sequence
from dataclasses import replace

from domain.values import TenantId
from infra.http.authentication.api_key_table import ApiKeyTable
from infra.http.authentication.api_keys import ApiKey, Scope, api_key_digest, new_api_key_text
from tests.support.samples import ACME, NOON


class Keys:
    """Puts keys into a table as the topic would; the table counts as read to its end."""

    def __init__(self, table: ApiKeyTable) -> None:
        table.complete()
        self.table = table
        self._issued: dict[str, ApiKey] = {}

    def add(self, scopes: Sequence[Scope], tenant_id: TenantId = ACME) -> str:
        """Issue a key and return its text."""
        text = new_api_key_text()
        self._issued[text] = ApiKey(
            key_id=f"key_{len(self._issued)}",
            tenant_id=tenant_id,
            scopes=tuple(scopes),
            name="test",
            sha256=api_key_digest(text),
            issued_at=NOON,
            revoked_at=None,
        )
        self.table.put(self._issued[text])
        return text

    def revoke(self, text: str) -> None:
        """Take a key back."""
        self.table.put(replace(self._issued[text], revoked_at=NOON))
