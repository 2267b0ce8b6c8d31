"""The columns of a description, wherever a view has them."""

from domain.asset.description import DESCRIPTION_FIELDS
from domain.values import NO_DESCRIPTION, Description
from infra.cassandra.row_operations import ColumnValue
from read_models.json_columns import as_json


def description_columns(description: Description) -> dict[str, ColumnValue]:
    """Fill a column for every field; a focal point is JSON."""
    return {
        field.name: as_json(getattr(description, field.name))
        if field.kind == "point"
        else getattr(description, field.name)
        for field in DESCRIPTION_FIELDS
    }


BLANK_DESCRIPTION = description_columns(NO_DESCRIPTION)
PERSONAL_DESCRIPTION = tuple(
    (field.name, BLANK_DESCRIPTION[field.name]) for field in DESCRIPTION_FIELDS if field.is_personal
)
"""Which of them are encrypted, with what stands for "none"."""
