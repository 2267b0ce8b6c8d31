"""Finding what became of a command."""

from domain.values import CommandId, TenantId
from infra.cassandra.session import Row
from read_models.commands.projection import COMMANDS
from read_models.view_reader import ViewReader

_OUTCOME = "SELECT * FROM commands$suffix WHERE tenant_id = ? AND command_id = ? LIMIT 1"


async def find_outcome(views: ViewReader, tenant_id: TenantId, command_id: CommandId) -> Row | None:
    """Find the outcome of a command: of several answers the one that counts."""
    rows = await views.select(COMMANDS, _OUTCOME, (tenant_id, command_id))
    return rows[0] if rows else None
