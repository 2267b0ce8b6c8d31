"""Render failures: the one way in which rendering fails."""

from domain.failures import FailureCode, is_transient


class RenderFailed(Exception):
    """The bytes became no renditions; ``detail`` may be shown to the customer."""

    def __init__(self, code: FailureCode, detail: str) -> None:
        super().__init__(detail)
        self.code: FailureCode = code
        self.detail = detail

    @property
    def is_transient(self) -> bool:
        """Whether the same bytes may work later."""
        return is_transient(self.code)
