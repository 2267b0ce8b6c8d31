"""Hides what is personal in events; equal values stay equal, and only the key could undo it."""

import hmac
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, cast

from avro_schemas.codec import Message, decode, encode
from avro_schemas.containers import LoggedRecord
from avro_schemas.encryption import Encryptor
from avro_schemas.errors import Undecodable
from backup.errors import ArchiveRefused
from domain.asset.description import DESCRIPTION_FIELDS, DescriptionField
from domain.asset.events import AssetDelayed, AssetRejected
from domain.bulk_operation.values import Filter, Instructions, ItemOutcome
from domain.events import Event, EventMetadata
from domain.values import Actor, CorrelationId, Description, Facts, Fetch, Listing, Source
from infra.blobs.durable_files import write_durably

Masks = Mapping[str, Callable[[Any], Any]]
_DIGITS = 16
_KEY_BYTES = 32


def mask_key(data_dir: Path) -> bytes:
    """Give the key of this installation, made at the first call; raises OSError."""
    place = data_dir / "mask-key"
    if not place.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        write_durably(place, secrets.token_hex(_KEY_BYTES).encode())
    return bytes.fromhex(place.read_text("utf-8"))


class MaskRefused(ArchiveRefused):
    """A record cannot be masked, because it cannot be read."""


class EventMask:
    """Changes records of events: URLs, file names, texts, EXIF, actors and what follows from them.

    Ids, keys of blobs, categories and tenants stay, and so does the shape of each history: the copy
    is verified, restored and shown like any other. A masked URL names a host that does not exist.
    Masked values are encrypted with ``keyring``, so that a copy needs no key of the original. That
    is decrypted with ``original_keys``, or else with the keys of this process.
    """

    def __init__(
        self, key: bytes, keyring: Encryptor, original_keys: Encryptor | None = None
    ) -> None:
        self._key = key
        self._keyring = keyring
        self._original_keys = original_keys

    def __call__(self, record: LoggedRecord) -> LoggedRecord:
        """Mask one record; raises MaskRefused for one that is no event of this release."""
        try:
            event = decode(record.value, self._original_keys)
        except Undecodable as error:
            raise MaskRefused(f"offset {record.offset} cannot be masked: {error}") from error
        if not isinstance(event, Event):
            raise MaskRefused(f"offset {record.offset} holds {type(event).__name__}, no event")
        masked = cast("Message", self._masked(event))
        return replace(record, value=encode(masked, self._keyring))

    def _masked(self, value: Any) -> Any:  # noqa: ANN401 - any part of an event
        match value:
            case EventMetadata():
                return replace(
                    value,
                    correlation_id=CorrelationId(self._text(value.correlation_id)),
                    actor=self._actor(value.actor),
                    fingerprint=self._optional(value.fingerprint),
                )
            case Source():
                return replace(
                    value, url=self._url(value.url), file_name=self._optional(value.file_name)
                )
            case Description():
                return self._described(value, DESCRIPTION_FIELDS)
            case Listing():
                return self._described(value, [f for f in DESCRIPTION_FIELDS if f.is_listed])
            case Facts():
                return replace(
                    value,
                    exif={name: self._text(said) for name, said in value.exif.items()},
                    captured_at=None,
                    camera=self._optional(value.camera),
                )
            case Fetch():
                return replace(
                    value,
                    final_url=self._url(value.final_url),
                    etag=self._optional(value.etag),
                    last_modified=self._optional(value.last_modified),
                )
            case Filter() | Instructions():
                return replace(value, tags=self._texts(value.tags))
            case AssetRejected() | AssetDelayed() | ItemOutcome():
                return replace(self._parts(value), detail=self._text(value.detail))
            case _ if is_dataclass(value):
                return self._parts(value)
            case tuple():
                return tuple(self._masked(item) for item in value)
        return value

    def _described(
        self,
        value: Any,  # noqa: ANN401 - a description, or what a listing repeats of one
        described: Iterable[DescriptionField],
    ) -> Any:  # noqa: ANN401 - as above
        masks: Masks = {"text": self._text, "tags": self._texts, "json": self._json}
        chosen = {field.name: masks[field.kind] for field in described if field.is_personal}
        masked = {name: mask(getattr(value, name)) for name, mask in chosen.items()}
        return replace(value, **masked)

    def _parts(self, value: Any) -> Any:  # noqa: ANN401 - any dataclass
        parts = {field.name: self._masked(getattr(value, field.name)) for field in fields(value)}
        return replace(value, **parts)

    def _texts(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(self._text, texts))

    def _text(self, text: str) -> str:
        digest = hmac.new(self._key, text.encode(), "sha256").hexdigest()[:_DIGITS]
        return f"masked {digest}" if text else ""

    def _optional(self, text: str | None) -> str | None:
        return None if text is None else self._text(text)

    def _url(self, url: Any) -> Any:  # noqa: ANN401 - str stays str, None stays None
        return None if url is None else f"https://masked.invalid/{self._text(url)[7:]}"

    def _actor(self, actor: Actor) -> Actor:
        kind, _, name = actor.partition(":")
        return actor if kind == "system" else Actor(f"{kind}:{self._text(name)}")

    def _json(self, text: str) -> str:
        return text if json.loads(text) == {} else json.dumps({"masked": self._text(text)})
