"""Rendering: facts and renditions of a picture, made in confined processes."""

from streams.rendering.configured_presets import deployed_presets
from streams.rendering.presets import (
    PIPELINE_VERSION,
    Preset,
    RenditionSpec,
)
from streams.rendering.render_failure import RenderFailed
from streams.rendering.render_limits import RenderLimits
from streams.rendering.render_result import MeasuredSource, RenderResult, RenditionBytes
from streams.rendering.sandbox.filter_policy import check_filter
from streams.rendering.sandbox.pool import Sandbox
from streams.rendering.sandbox.syscall_filter import is_available as decoders_are_filtered

__all__ = [
    "PIPELINE_VERSION",
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
