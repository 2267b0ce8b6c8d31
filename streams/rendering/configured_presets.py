"""The presets as a deployment has them: with a mark of its own, if it names one."""

from collections.abc import Mapping

from infra.errors import SettingsWrong
from read_models.renditions.watermark import watermark
from streams.rendering.presets import PRESETS, Preset, presets_marked_with
from streams.rendering.steps.watermark import check_watermark


def deployed_presets(place: str) -> Mapping[str, Preset]:
    """Give all presets, marked with the PNG at ``place``; raises SettingsWrong if it is none."""
    if not place:
        return PRESETS
    picture = watermark(place)
    try:
        check_watermark(picture)
    except ValueError as error:
        raise SettingsWrong(f"render.watermark: {place}: {error}") from error
    return presets_marked_with(picture)
