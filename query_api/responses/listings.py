"""Listings in responses: pages of published assets."""

from datetime import datetime
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from infra.cassandra.session import Row
from query_api.images.public_urls import PublicUrls
from query_api.listing.category_tree import CategoryTree
from query_api.responses.categories import CategoryLabel
from read_models.time import moment


class ItemAnswer(TypedDict, closed=True):
    """What a gallery needs of a published asset."""

    asset_id: str
    created_at: datetime
    title: str
    alt_text: str
    media_type: str
    width: int
    height: int
    thumbhash: str
    dominant_colour: str
    public_url: str
    thumbnail_url: str
    categories: list[CategoryLabel]


class PageAnswer(TypedDict, closed=True):
    """A page of a listing; it may be short, even empty, while there is a next one."""

    items: list[ItemAnswer]
    next: Annotated[str | None, Field(examples=["/v1/assets?limit=50&cursor=…"])]


def item_answer(row: Row, tree: CategoryTree, urls: PublicUrls) -> ItemAnswer:
    """Show what a gallery needs of a published asset."""
    return {
        "asset_id": row["asset_id"],
        "created_at": moment(row["created_at_us"]),
        "title": row["title"],
        "alt_text": row["alt_text"],
        "media_type": row["media_type"],
        "width": row["width"],
        "height": row["height"],
        "thumbhash": row["thumbhash"],
        "dominant_colour": row["dominant_colour"],
        "public_url": urls.asset(row["asset_id"]),
        "thumbnail_url": urls.thumbnail(row["asset_id"], row["thumbnail_sha256"]),
        "categories": list(map(tree.label, row["category_ids"] or ())),
    }
