"""The fields of a description, their limits, and how a merge patch changes them."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal, assert_never

from domain.errors import DescriptionRefused
from domain.values import Description, FocalPoint

MAX_TEXT_LENGTH = 2_000
MAX_TAGS = 50
MAX_TAG_LENGTH = 100
MAX_METADATA_BYTES = 16_384
_DECIMALS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DescriptionField:
    """One field of Description, and what is done with it.

    ``limit`` counts characters of a text, tags of a list, bytes of JSON; a point has none. A
    personal field is masked and encrypted, a listed one is in Listing and in galleries too, and by
    a searched one bulk operations choose assets.
    """

    name: str
    kind: Literal["text", "tags", "json", "point"]
    limit: int = 0
    is_personal: bool = True
    is_listed: bool = False
    is_searched: bool = False


DESCRIPTION_FIELDS = (
    DescriptionField(name="title", kind="text", limit=MAX_TEXT_LENGTH, is_listed=True),
    DescriptionField(name="alt_text", kind="text", limit=MAX_TEXT_LENGTH, is_listed=True),
    DescriptionField(name="tags", kind="tags", limit=MAX_TAGS, is_searched=True),
    DescriptionField(name="metadata", kind="json", limit=MAX_METADATA_BYTES),
    DescriptionField(name="focal_point", kind="point", is_personal=False),
)
"""Every field of Description, in its order; tests/contract/test_description_fields.py walks it."""


def check_description(description: Description) -> None:
    """Raise DescriptionRefused, naming the limit, when the description breaks one."""
    for field in DESCRIPTION_FIELDS:
        value, name, limit = getattr(description, field.name), field.name, field.limit
        match field.kind:
            case "text":
                if len(value) > limit:
                    raise DescriptionRefused(f"{name} is longer than {limit} characters")
            case "tags":
                if len(value) > limit:
                    raise DescriptionRefused(f"more than {limit} {name}")
                if any(len(tag) > MAX_TAG_LENGTH for tag in value):
                    raise DescriptionRefused(f"a tag is longer than {MAX_TAG_LENGTH} characters")
            case "json":
                if len(value.encode()) > limit:
                    raise DescriptionRefused(f"{name} is larger than {limit} bytes")
            case "point":
                pass
            case _:
                assert_never(field.kind)


def patched_description(description: Description, patch: str) -> Description:
    """Apply a JSON merge patch (RFC 7396); null puts a field back to empty.

    Raises DescriptionRefused when the patch is no object, has a field of the wrong type or one
    that we do not know, or when the result breaks a limit.
    """
    changes = json.loads(patch)
    if not isinstance(changes, dict):
        raise DescriptionRefused("the patch must be a JSON object")
    unknown = changes.keys() - {field.name for field in DESCRIPTION_FIELDS}
    if unknown:
        raise DescriptionRefused(f"unknown field {min(unknown)}")
    result = apply_merge_patch(description_json(description), changes)
    described = Description(
        **{field.name: _value(field, result.get(field.name)) for field in DESCRIPTION_FIELDS}
    )
    check_description(described)
    return described


def description_json(description: Description) -> dict[str, Any]:
    """Return every field as JSON has it."""
    said = asdict(description)
    texts = [field.name for field in DESCRIPTION_FIELDS if field.kind == "json"]
    return said | {name: json.loads(said[name]) for name in texts}


def listed_fields(description: Description) -> dict[str, Any]:
    """Return the fields that listings repeat."""
    listed = [field.name for field in DESCRIPTION_FIELDS if field.is_listed]
    return {name: getattr(description, name) for name in listed}


def rounded_focal_point(x: float, y: float) -> FocalPoint:
    """Make a focal point as exact as URLs say it; raises DescriptionRefused for one outside."""
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise DescriptionRefused("x and y of focal_point must be from 0 to 1")
    x, y = (abs(round(float(share), _DECIMALS)) for share in (x, y))  # no -0, and 1 as it is read
    return FocalPoint(x=x, y=y)


def apply_merge_patch(target: Any, patch: Any) -> Any:  # noqa: ANN401 - JSON is any
    """Apply a JSON merge patch as RFC 7396 § 2 defines it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = apply_merge_patch(result.get(name), value)
    return result


def _focal_point(said: object) -> FocalPoint | None:
    match said:
        case None:
            return None
        case {"x": int() | float() as x, "y": int() | float() as y, **rest}:
            if not rest and bool not in (type(x), type(y)):
                return rounded_focal_point(x, y)
    raise DescriptionRefused("focal_point must be an object of the numbers x and y")


def _value(field: DescriptionField, said: Any) -> Any:  # noqa: ANN401 - JSON is any
    """Read a field of a patched description; None stands for empty."""
    match field.kind:
        case "text":
            if not isinstance(said, str | None):
                raise DescriptionRefused(f"{field.name} must be a string")
            return said or ""
        case "tags":
            tags = said or ()
            if not isinstance(tags, list | tuple) or not all(isinstance(tag, str) for tag in tags):
                raise DescriptionRefused(f"{field.name} must be a list of strings")
            return tuple(tags)
        case "json":
            if not isinstance(said, dict | None):
                raise DescriptionRefused(f"{field.name} must be a JSON object")
            return json.dumps(said or {}, ensure_ascii=False, sort_keys=True)
        case "point":
            return _focal_point(said)
        case _:
            assert_never(field.kind)
