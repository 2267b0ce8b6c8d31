"""An asset: one picture and everything that may happen to it.

submitted → published | rejected; any of them → deleted → restored to what it was, or purged.
A published asset stays published while it is reprocessed or its source is replaced.
"""

from domain.asset.decider import decide
from domain.asset.state import Asset, evolve, replay, snapshot

__all__ = ["Asset", "decide", "evolve", "replay", "snapshot"]
