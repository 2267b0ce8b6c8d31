"""Errors of settings: each variable is named, no value is repeated."""

import os
from json import JSONDecodeError

from pydantic import ValidationError
from pydantic_settings import SettingsError

_PREFIX = "SCALEHOSTER_"


def describe_settings_error(error: ValidationError | SettingsError) -> str:
    """Name every variable that is wrong, with the reason."""
    if isinstance(error, SettingsError):
        return f"{_unreadable(error)}: a list is written as JSON, such as []"
    return "; ".join(f"{_variable(fault['loc'])}: {fault['msg']}" for fault in error.errors())


def _unreadable(error: SettingsError) -> str:
    """Find the variable whose text is no JSON: the error names its group only."""
    cause = error.__cause__
    text = cause.doc if isinstance(cause, JSONDecodeError) else None
    named = sorted(name for name, value in os.environ.items() if value == text)
    return ", ".join(name for name in named if name.upper().startswith(_PREFIX))


def _variable(place: tuple[int | str, ...]) -> str:
    return _PREFIX + "__".join(str(part).upper() for part in place) if place else "settings"
