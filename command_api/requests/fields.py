"""Field types of bodies: their grammar and limits."""

import json
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from domain.asset.description import MAX_METADATA_BYTES, MAX_TAG_LENGTH, MAX_TAGS, MAX_TEXT_LENGTH
from domain.source_url.addresses import Network
from domain.source_url.parser import MAX_URL_LENGTH, parse_international_url
from domain.values import Duplicates
from infra.http.timestamps import TIMESTAMP_HINT, parse_timestamp
from infra.international_host_names import ascii_host_name
from read_models.public_events import PUBLIC_EVENT_TYPES

_SLUG = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"
_MAX_SLUG_LENGTH = 64
_MAX_NAME_LENGTH = 200
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, allow_nan=False)
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRules:
    """What this installation allows: the context in which bodies are read."""

    max_categories: int
    allowed_origins: AbstractSet[str]
    refused_networks: Sequence[Network] = ()


def is_id(text: str) -> bool:
    """Tell an id of ours (a UUID in lower case) from a slug."""
    return _UUID.fullmatch(text) is not None


def is_category_ref(text: str) -> bool:
    """Tell whether this can name a category: a slug or an id."""
    return len(text) <= _MAX_SLUG_LENGTH and re.fullmatch(_SLUG, text) is not None


def _rules(info: ValidationInfo) -> RequestRules:
    if not isinstance(info.context, RequestRules):
        raise TypeError("a body is read in the context of the rules")
    return info.context


def _source_url(text: str, info: ValidationInfo) -> str:
    rules = _rules(info)
    parse_international_url(text, rules.allowed_origins, rules.refused_networks, ascii_host_name)
    return text


def _timestamp(value: object) -> datetime:
    moment = parse_timestamp(value) if isinstance(value, str) else None
    if moment is None or not _EARLIEST <= moment <= _LATEST:
        raise ValueError(TIMESTAMP_HINT)
    return moment


def _event_type(text: str) -> str:
    if text not in PUBLIC_EVENT_TYPES:
        raise ValueError(f"there is no such type; there are {', '.join(PUBLIC_EVENT_TYPES)}")
    return text


def _slug(text: str) -> str:
    if is_id(text):
        raise ValueError("a slug must not look like an id")
    return text


def _few(refs: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    most = _rules(info).max_categories
    if len(refs) > most:
        raise ValueError(f"at most {most} categories")
    return refs


def _small_object(value: dict[str, Any]) -> dict[str, Any]:
    if len(canonical(value).encode()) > MAX_METADATA_BYTES:
        raise ValueError(f"at most {MAX_METADATA_BYTES} bytes")
    return value


def canonical(value: object) -> str:
    """Write JSON one way only; raises ValueError for numbers that JSON does not have."""
    return _ENCODER.encode(value)


def slug_of(name: str) -> str:
    """Make a slug from a name; empty where none can be made."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_MAX_SLUG_LENGTH].strip("-")
    return "" if is_id(slug) else slug


ShortText = Annotated[str, Field(max_length=MAX_TEXT_LENGTH)]
Tags = Annotated[
    tuple[Annotated[str, Field(max_length=MAX_TAG_LENGTH)], ...], Field(max_length=MAX_TAGS)
]
SourceUrl = Annotated[
    str,
    Field(max_length=MAX_URL_LENGTH, examples=["https://example.com/cat.jpg"]),
    AfterValidator(_source_url),
]
Timestamp = Annotated[
    datetime,
    Field(examples=["2026-11-23T09:30:00Z"]),
    BeforeValidator(_timestamp),
]
HookUrl = Annotated[
    str,
    Field(max_length=MAX_URL_LENGTH, examples=["https://example.com/hooks"]),
    AfterValidator(_source_url),
]
EventType = Annotated[
    str, Field(json_schema_extra={"enum": list(PUBLIC_EVENT_TYPES)}), AfterValidator(_event_type)
]
EventTypes = Annotated[
    tuple[EventType, ...], Field(min_length=1, max_length=len(PUBLIC_EVENT_TYPES))
]
Slug = Annotated[str, Field(pattern=_SLUG, max_length=_MAX_SLUG_LENGTH), AfterValidator(_slug)]
CategoryRefField = Annotated[
    str,
    Field(pattern=_SLUG, max_length=_MAX_SLUG_LENGTH, description="slug or id", examples=["cats"]),
]
CategoryRefsField = Annotated[
    tuple[CategoryRefField, ...], Field(min_length=1, examples=[["cats"]]), AfterValidator(_few)
]
CategoryName = Annotated[str, Field(min_length=1, max_length=_MAX_NAME_LENGTH, pattern=r"\S")]
DuplicatesChoice = Annotated[
    Duplicates,
    Field(description="What to do when the same bytes are published already; see the route."),
]
PresetName = Literal[
    "default", "product", "photo", "proof"
]  # streams.rendering has these; a test compares
UnitFraction = Annotated[float, Field(ge=0, le=1, examples=[0.3])]
MetadataObject = Annotated[dict[str, Any], AfterValidator(_small_object)]
