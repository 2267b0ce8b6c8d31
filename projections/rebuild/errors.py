"""Errors of rebuilds: why one does not begin, end or take effect.

RebuildRefused
├── NotRebuildable    the topic of the view does not keep what it would be rebuilt from
├── AlreadyRebuilding another rebuild of the view is under way
├── NoSuchGeneration  there is none in the state that this needs
├── NotCaughtUp            the projections do not feed a generation, or stand still
├── GenerationsDiffer          a generation was not compared, or differs from the one that is read
└── GenerationInUse         a generation that is read is not dropped
"""

from domain.errors import ScaleHosterError


class RebuildRefused(ScaleHosterError):
    """A rebuild cannot do this now."""


class NotRebuildable(RebuildRefused):
    """The topic of the view does not keep what it would be rebuilt from."""


class AlreadyRebuilding(RebuildRefused):
    """Another rebuild of the view is under way."""


class NoSuchGeneration(RebuildRefused):
    """There is no generation in the state that this needs."""


class NotCaughtUp(RebuildRefused):
    """The projections do not feed a generation, or stand still."""


class GenerationsDiffer(RebuildRefused):
    """A generation was not compared, or differs from the one that is read."""


class GenerationInUse(RebuildRefused):
    """A generation that is read is not dropped."""
