"""What the sandbox and its processes say to each other."""

import struct
from dataclasses import dataclass
from typing import Final

import msgspec

from domain.failures import FailureCode
from streams.rendering.limits import RenderLimits
from streams.rendering.presets import Preset
from streams.rendering.rendered import Rendered

LENGTH: Final = struct.Struct(">I")
"""Every frame begins with the number of bytes that follow."""

READY: Final = b"ready"
"""The first frame of a spawner: it has imported everything and takes jobs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be made; the source's bytes follow in a frame of their own."""

    preset: Preset
    limits: RenderLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why nothing was made."""

    code: FailureCode
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The outcome of one job: exactly one of the two is set."""

    rendered: Rendered | None = None
    failure: Failure | None = None


def encode(message: Order | Reply) -> bytes:
    """Write a message as MessagePack."""
    return msgspec.msgpack.encode(message)


def decode_order(frame: bytes) -> Order:
    """Read an order."""
    return msgspec.msgpack.decode(frame, type=Order)


def decode_reply(frame: bytes) -> Reply:
    """Read a reply; what a captured decoder may have written raises msgspec.DecodeError."""
    return msgspec.msgpack.decode(frame, type=Reply)
