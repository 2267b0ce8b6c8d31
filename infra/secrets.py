"""Secrets of the operator: the current one, and former ones that are still accepted."""

from pathlib import Path

from infra.errors import SettingsWrong

MIN_CHARACTERS = 32  # as many hexadecimal digits are 128 bits
_MIN_DIFFERENT = 8  # 32 random hexadecimal digits have fewer once in 20 million times


class InstallationSecrets:
    """One or more secrets, read from a setting in which commas separate them; or none at all.

    The first one is in use; the former ones are accepted still, so that a secret can be replaced.
    An empty text is none. Raises ValueError for any part that is empty, short or one word over and
    over: a comma too many would else let in whoever signs with the empty secret. The error does not
    repeat what was set, nor does ``repr``.
    """

    __slots__ = ("texts",)

    def __init__(self, setting: str = "") -> None:
        self.texts = tuple(setting.split(",")) if setting else ()
        for number, text in enumerate(self.texts, start=1):
            fault = _fault(text)
            if fault:
                raise ValueError(
                    f"secret {number} of {len(self.texts)} {fault}; wanted are at least"
                    f" {MIN_CHARACTERS} random characters each, as of: openssl rand -hex 32"
                )

    def __bool__(self) -> bool:
        return bool(self.texts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InstallationSecrets) and self.texts == other.texts

    def __hash__(self) -> int:
        return hash(self.texts)

    def __repr__(self) -> str:
        return f"<{len(self.texts)} secrets>"


def generated_secrets(place: Path) -> InstallationSecrets:
    """Read what ``scalehoster up`` made; raises SettingsWrong where there is nothing sound."""
    try:
        made = InstallationSecrets(place.read_text("utf-8").strip())
    except FileNotFoundError:
        made = InstallationSecrets()
    except ValueError as error:
        raise SettingsWrong(f"{place}, used as SCALEHOSTER_SECRET is not set: {error}") from None
    if not made:
        raise SettingsWrong("SCALEHOSTER_SECRET is not set, and `scalehoster up` made none here")
    return made


def _fault(text: str) -> str | None:
    if not text:
        return "is empty"
    if text != text.strip() or not text.isprintable():
        return "has a blank at an end, or a character that cannot be seen"
    if len(text) < MIN_CHARACTERS:
        return f"has {len(text)} characters"
    if len(set(text)) < _MIN_DIFFERENT:
        return f"has {len(set(text))} different characters"
    return None
