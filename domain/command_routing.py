"""Which stream takes a command, and under which key: all that it may meet has one owner."""

from domain.asset.commands import AssetCommand
from domain.category.commands import CatalogueCommand
from domain.commands import Command


def stream_of(command: Command) -> tuple[str, str]:
    """Name the stream and the key: the asset's, or the tenant's, whose commands have an order."""
    if isinstance(command, AssetCommand):
        return "asset-commands", command.metadata.entity_id
    if isinstance(command, CatalogueCommand):
        return "category-commands", command.metadata.tenant_id
    return "operation-commands", command.metadata.tenant_id
