"""Fetch failures: the one way in which a download fails."""

from domain.failures import FailureCode, is_transient


class FetchFailed(Exception):
    """The source could not be fetched.

    ``detail`` may be shown to the customer: it repeats nothing that a server said, and it is the
    same for every address that we refuse, whatever listens there. ``status`` is the origin's,
    set for ``http_status`` only; ``retry_after_seconds`` is what the origin asked for, if it did.
    """

    def __init__(
        self,
        code: FailureCode,
        detail: str,
        *,
        status: int | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.code: FailureCode = code
        self.detail = detail
        self.status = status
        self.retry_after_seconds = retry_after_seconds

    @property
    def is_transient(self) -> bool:
        """Whether the same URL may work later."""
        return is_transient(self.code, self.status)
