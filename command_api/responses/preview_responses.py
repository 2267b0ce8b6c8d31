"""The answer to a dry run of a bulk operation."""

from typing import Literal

from pydantic import BaseModel, Field


class WouldChangeAnswer(BaseModel):
    """An asset that would change: the field, as it is and as it would be."""

    asset_id: str
    field: str
    before: str | tuple[str, ...]
    after: str | tuple[str, ...]


class PreviewAnswer(BaseModel):
    """What an operation would do, and what it would cost; `items` are the first of `count`."""

    dry_run: Literal[True] = True
    matched: int = Field(default=0, description="How many assets it would deal with.")
    count: int = Field(default=0, description="How many of them would change.")
    unchanged: int = Field(default=0, description="How many are so already.")
    refused: dict[str, int] = Field(
        default_factory=dict, description="How many would be refused, by problem."
    )
    category_problem: str | None = Field(
        default=None,
        description="Why the category that it opens or archives would be refused; it would fail.",
    )
    original_bytes: int = 0
    seconds_at_rate: int = 0
    items: list[WouldChangeAnswer] = Field(default_factory=list)
