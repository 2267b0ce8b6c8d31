"""The duplicates of an asset in a response."""

from datetime import datetime
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from infra.cassandra.session import Row
from query_api.duplicates import DuplicateMatches
from query_api.images.public_urls import PublicUrls
from read_models.time import moment


class DuplicateAnswer(TypedDict, closed=True):
    """A published asset like another one."""

    asset_id: str
    created_at: datetime
    title: str
    distance: Annotated[
        int, Field(description="How many of 64 bits of the perceptual hash differ.")
    ]
    public_url: str
    thumbnail_url: str


class DuplicatesAnswer(TypedDict, closed=True):
    """The same bytes, the oldest first, and what looks almost the same, the nearest first."""

    exact: list[DuplicateAnswer]
    near: list[DuplicateAnswer]


def duplicates_answer(found: DuplicateMatches, urls: PublicUrls) -> DuplicatesAnswer:
    """Show the duplicates of an asset."""
    return {
        "exact": [_duplicate(0, row, urls) for row in found.exact],
        "near": [_duplicate(distance, row, urls) for distance, row in found.near],
    }


def _duplicate(distance: int, row: Row, urls: PublicUrls) -> DuplicateAnswer:
    return {
        "asset_id": row["asset_id"],
        "created_at": moment(row["created_at_us"]),
        "title": row["title"],
        "distance": distance,
        "public_url": urls.asset(row["asset_id"]),
        "thumbnail_url": urls.thumbnail(row["asset_id"], row["thumbnail_sha256"]),
    }
