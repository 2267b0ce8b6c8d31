"""The presets as a deployment without a watermark of its own has them."""

from typing import Final

from streams.rendering import deployed_presets

PRESETS: Final = deployed_presets("")
