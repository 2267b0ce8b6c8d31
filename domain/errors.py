"""Refusals: every reason for which a decider turns a command down.

Refusal
├── NotFound            AssetNotFound, CategoryNotFound, OperationNotFound,
│                       WebhookNotFound
├── Conflict            AssetAlreadySubmitted, AssetIsDeleted, AssetIsNotDeleted, AssetIsPurged,
│                       AssetHasNoOriginal, AssetHasNoUrl, CategoryAlreadyExists,
│                       CategoryCycle, CategoryHasChildren, TooManyCategories,
│                       AssetNeedsCategory, OperationHasEnded, OperationIsUnderWay,
│                       OperationIsReverted, TooManyWebhooks, WebhookIsDisabled
├── PreconditionFailed  VersionMismatch
└── Unprocessable       UnknownCategory, CategoryIsArchived, CategoryTooDeep,
                        DescriptionRefused, IdempotencyKeyReused,
                        CommandCannotBeDecided
"""

from __future__ import annotations


class ScaleHosterError(Exception):
    """Something went wrong that we have a name for."""


class Refusal(ScaleHosterError):
    """A command was refused and had no effect.

    ``detail`` is a sentence that tells what to do; ``members`` are facts a program can use.
    """

    def __init__(self, detail: str, members: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members or {}


class NotFound(Refusal):
    """There is no such thing for this tenant."""


class AssetNotFound(NotFound):
    """No asset has this id."""


class CategoryNotFound(NotFound):
    """No category has this slug or id."""


class OperationNotFound(NotFound):
    """No operation has this id."""


class WebhookNotFound(NotFound):
    """No webhook endpoint has this id."""


class Conflict(Refusal):
    """The thing is not in a state that allows this."""


class AssetAlreadySubmitted(Conflict):
    """This asset id was used for another picture."""


class AssetIsDeleted(Conflict):
    """The asset is deleted; restore it first."""


class AssetIsNotDeleted(Conflict):
    """The asset is not deleted."""


class AssetIsPurged(Conflict):
    """The asset was purged and cannot come back."""


class AssetHasNoOriginal(Conflict):
    """The asset was never published, so there is no kept original to work on."""


class AssetHasNoUrl(Conflict):
    """The asset was uploaded, so there is no URL to ask again."""


class CategoryAlreadyExists(Conflict):
    """A category of this slug exists."""


class CategoryCycle(Conflict):
    """A category cannot stand below itself."""


class CategoryHasChildren(Conflict):
    """The category has children that are not archived."""


class TooManyCategories(Conflict):
    """The tenant has as many categories as it may have."""


class AssetNeedsCategory(Conflict):
    """The asset would be left without any category."""


class OperationHasEnded(Conflict):
    """The operation has come to its end and cannot be steered any more."""


class OperationIsUnderWay(Conflict):
    """The operation has not ended; cancel it or wait before reverting it."""


class OperationIsReverted(Conflict):
    """The operation was reverted already; revert its revert to do it again."""


class TooManyWebhooks(Conflict):
    """The tenant has as many webhook endpoints as it may have."""


class WebhookIsDisabled(Conflict):
    """The webhook endpoint is switched off; enable it first."""


class PreconditionFailed(Refusal):
    """The condition sent with the request does not hold."""


class VersionMismatch(PreconditionFailed):
    """Somebody changed it since this version was read."""


class Unprocessable(Refusal):
    """The request is well formed but cannot be carried out as it stands."""


class UnknownCategory(Unprocessable):
    """The request names a category that does not exist."""


class CategoryIsArchived(Unprocessable):
    """The request names an archived category."""


class CategoryTooDeep(Unprocessable):
    """The category would stand too far below the top of the tree."""


class DescriptionRefused(Unprocessable):
    """The description would break one of its limits."""


class IdempotencyKeyReused(Unprocessable):
    """This idempotency key was used for another request."""


class CommandCannotBeDecided(Unprocessable):
    """The command can neither be carried out nor refused; the operators have it."""
