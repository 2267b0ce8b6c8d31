"""Limits of rendering one picture."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderLimits:
    """Bounds of one rendering.

    ``max_pixels``, ``max_frames`` and ``max_moving_pixels``, those of all frames of an animation
    together, are checked before any pixel is decoded. The rest bounds the process that decodes,
    whatever the bytes make it do; 1 GiB is what the worst legal input, a WebP of 40 megapixels,
    needs with a little room.
    """

    max_source_bytes: int = 50_000_000
    max_pixels: int = 40_000_000
    max_frames: int = 1_000
    max_moving_pixels: int = 25_000_000
    max_memory_bytes: int = 1 << 30
    max_result_bytes: int = 64 << 20
    cpu_seconds: int = 10
    wall_seconds: float = 15.0
