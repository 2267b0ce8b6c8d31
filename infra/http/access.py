"""Access: FastAPI dependencies that turn an API key into a Caller."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.requests import Request

from infra.http.authentication.api_key_table import ApiKeyRejected, ApiKeysNotLoaded, Caller
from infra.http.authentication.api_keys import Scope
from infra.http.errors import ApiKeyMissing, ApiKeyRefused, NotReady, ScopeMissing

_SCHEME = "bearer "


class KeyTable(Protocol):
    """What knows the keys: infra.http.authentication.api_key_table.ApiKeyTable."""

    def authenticate(self, text: str) -> Caller:
        """Find out whose key this is; raises ApiKeyRejected or ApiKeysNotLoaded."""


class Access:
    """Guards routes with the keys of one table."""

    def __init__(self, keys: KeyTable) -> None:
        self._keys = keys

    def needs(self, scope: Scope) -> Callable[[Request], Awaitable[Caller]]:
        """Make the dependency of a route that needs this scope.

        It raises ApiKeyMissing, ApiKeyRefused or ScopeMissing, and NotReady while the keys are
        still being read: a client takes a 401 for final, and leaves a 503 alone for a moment.
        """

        async def caller(request: Request) -> Caller:
            return self.admit(request, scope)

        return caller

    def admit(self, request: Request, scope: Scope) -> Caller:
        """Tell who sent this request, once it is clear that they may do it."""
        sent = request.headers.get("authorization", "")
        if sent[: len(_SCHEME)].lower() != _SCHEME:
            raise ApiKeyMissing("send an API key: Authorization: Bearer shk_…")
        try:
            caller = self._keys.authenticate(sent[len(_SCHEME) :].strip())
        except ApiKeysNotLoaded:
            raise NotReady("the API keys are being read; try again after a moment") from None
        except ApiKeyRejected as error:
            challenge = 'Bearer realm="scalehoster", error="invalid_token"'
            raise ApiKeyRefused(str(error), headers={"WWW-Authenticate": challenge}) from None
        if not caller.may(scope):
            raise ScopeMissing(
                f"this API key lacks the scope {scope}", members={"missing_scope": scope}
            )
        return caller
