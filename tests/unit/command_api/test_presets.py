"""What may be asked for is what can be made."""

from typing import get_args

from command_api.requests.fields import PresetName
from tests.support.presets import PRESETS


def test_a_client_may_name_exactly_the_presets_that_there_are() -> None:
    assert set(get_args(PresetName)) == set(PRESETS)
