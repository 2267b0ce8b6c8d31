"""The presets of a deployment: with a watermark of its own, if it names one."""

from collections.abc import Mapping

from infra.errors import SettingsWrong
from read_models.renditions.watermark import watermark
from streams.rendering.presets import Preset, presets
from streams.rendering.steps.watermark import check_watermark


def deployed_presets(path: str) -> Mapping[str, Preset]:
    """Return all presets, marked with the PNG at ``path``, or with the word PROOF if it is empty.

    Raises SettingsWrong when the file cannot be read or is no PNG.
    """
    picture = watermark(path)
    try:
        check_watermark(picture)
    except ValueError as error:
        raise SettingsWrong(f"render.watermark: {path}: {error}") from error
    return presets(picture)
