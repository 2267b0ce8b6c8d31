"""The picture that a deployment lays on what is shown before it is paid for."""

from hashlib import sha256
from pathlib import Path

from domain.values import Sha256
from infra.errors import SettingsWrong

_PROOF = Path(__file__).with_name("proof.png")


def watermark(place: str = "") -> bytes:
    """Read the deployment's own PNG, or the word PROOF where it names none.

    Raises SettingsWrong when it cannot be read; whether it is a PNG finds out who lays it on.
    """
    try:
        return Path(place or _PROOF).read_bytes()
    except OSError as error:
        raise SettingsWrong(f"render.watermark: {place}: {error}") from error


def watermark_name(picture: bytes) -> Sha256:
    """Name a mark by its content, so that a changed one is another."""
    return Sha256(sha256(picture).hexdigest())
