"""The alpha flag of an animated WebP, which encoders forget to set."""

from typing import Final

_FLAGS_AT: Final = 20
_ANIMATED: Final = 0x02
_ALPHA: Final = 0x10


def with_alpha_flag(file: bytes) -> bytes:
    """Set the flag in an animated WebP; anything else is returned as it is.

    libwebp leaves it out when the frames are opaque and only the canvas around them is clear.
    Browsers show that rightly all the same, readers that believe the flag show black.
    """
    is_extended = file.startswith(b"RIFF") and file[8:16] == b"WEBPVP8X"
    if not is_extended or len(file) <= _FLAGS_AT or not file[_FLAGS_AT] & _ANIMATED:
        return file
    flags = bytes([file[_FLAGS_AT] | _ALPHA])
    return file[:_FLAGS_AT] + flags + file[_FLAGS_AT + 1 :]
