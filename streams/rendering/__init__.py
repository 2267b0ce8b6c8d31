"""Turn a picture's bytes into facts and renditions, in processes that can harm nobody."""

from streams.rendering.deployed import deployed_presets
from streams.rendering.failures import RenderFailed
from streams.rendering.filter_policy import check_filter
from streams.rendering.limits import RenderLimits
from streams.rendering.presets import (
    PIPELINE_VERSION,
    PRESETS,
    Preset,
    RenditionSpec,
)
from streams.rendering.rendered import MeasuredSource, RenderResult, RenditionBytes
from streams.rendering.sandbox import Sandbox
from streams.rendering.syscall_filter import is_available as decoders_are_filtered

__all__ = [
    "PIPELINE_VERSION",
    "PRESETS",
    "MeasuredSource",
    "Preset",
    "RenderFailed",
    "RenderLimits",
    "RenderResult",
    "RenditionBytes",
    "RenditionSpec",
    "Sandbox",
    "check_filter",
    "decoders_are_filtered",
    "deployed_presets",
]
