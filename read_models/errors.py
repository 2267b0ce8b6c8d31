"""Why a view cannot be read or built by this code."""

from domain.errors import ScaleHosterError


class DefinitionMissing(ScaleHosterError):
    """A generation is built by a definition that this code does not have."""
