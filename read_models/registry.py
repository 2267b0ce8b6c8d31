"""All views: each is one folder beside this module, and one line in ``VIEWS``."""

from read_models.asset_by_id.projection import ASSET_BY_ID
from read_models.asset_history.projection import ASSET_HISTORY
from read_models.assets_by_category.projection import ASSETS_BY_CATEGORY
from read_models.assets_by_content.projection import ASSETS_BY_CONTENT
from read_models.assets_by_date.projection import ASSETS_BY_DATE
from read_models.assets_by_shard.projection import ASSETS_BY_SHARD
from read_models.categories.projection import CATEGORIES
from read_models.categories_as_of.projection import CATEGORIES_AS_OF
from read_models.commands.projection import COMMANDS
from read_models.listings_as_of.projection import LISTINGS_AS_OF
from read_models.operation_items.projection import OPERATION_ITEMS
from read_models.operations.projection import OPERATIONS
from read_models.pending_assets.projection import PENDING_ASSETS
from read_models.public_assets.projection import PUBLIC_ASSETS
from read_models.similar_assets.projection import SIMILAR_ASSETS
from read_models.view import View

VIEWS: tuple[View, ...] = (
    ASSET_BY_ID,
    ASSETS_BY_CATEGORY,
    ASSETS_BY_DATE,
    CATEGORIES,
    ASSET_HISTORY,
    ASSETS_BY_CONTENT,
    SIMILAR_ASSETS,
    PENDING_ASSETS,
    PUBLIC_ASSETS,
    ASSETS_BY_SHARD,
    OPERATIONS,
    OPERATION_ITEMS,
    LISTINGS_AS_OF,
    CATEGORIES_AS_OF,
    COMMANDS,
)
FORMER: tuple[View, ...] = ()  # definitions that a generation may still be built by
QUERIED_VIEWS = tuple(view for view in VIEWS if view.is_queried)
