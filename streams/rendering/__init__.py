"""Turn a picture's bytes into facts and renditions, in processes that can harm nobody."""

from streams.rendering.failures import RenderFailed
from streams.rendering.limits import RenderLimits
from streams.rendering.presets import (
    PIPELINE_VERSION,
    PRESETS,
    Preset,
    RenditionSpec,
    marked_with,
)
from streams.rendering.rendered import Measured, Rendered, RenditionBytes
from streams.rendering.sandbox import Sandbox
from streams.rendering.syscall_filter import is_available as decoders_are_filtered
from streams.rendering.watermark import check_mark

__all__ = [
    "PIPELINE_VERSION",
    "PRESETS",
    "Measured",
    "Preset",
    "RenderFailed",
    "RenderLimits",
    "Rendered",
    "RenditionBytes",
    "RenditionSpec",
    "Sandbox",
    "check_mark",
    "decoders_are_filtered",
    "marked_with",
]
