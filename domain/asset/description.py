"""What a customer may say about a picture, and how a merge patch changes it."""

import json
from dataclasses import asdict
from typing import Any

from domain.errors import DescriptionRefused
from domain.values import Description, FocalPoint

MAX_TEXT_LENGTH = 2_000
MAX_TAGS = 50
MAX_TAG_LENGTH = 100
MAX_METADATA_BYTES = 16_384
_DECIMALS = 3


def check_description(description: Description) -> None:
    """Raise DescriptionRefused, naming the limit, when the description breaks one."""
    for name, text in (("title", description.title), ("alt_text", description.alt_text)):
        if len(text) > MAX_TEXT_LENGTH:
            raise DescriptionRefused(f"{name} is longer than {MAX_TEXT_LENGTH} characters")
    if len(description.tags) > MAX_TAGS:
        raise DescriptionRefused(f"more than {MAX_TAGS} tags")
    if any(len(tag) > MAX_TAG_LENGTH for tag in description.tags):
        raise DescriptionRefused(f"a tag is longer than {MAX_TAG_LENGTH} characters")
    if len(description.metadata.encode()) > MAX_METADATA_BYTES:
        raise DescriptionRefused(f"metadata is larger than {MAX_METADATA_BYTES} bytes")


def patched_description(description: Description, patch: str) -> Description:
    """Apply a JSON merge patch (RFC 7396); null puts a field back to empty.

    Raises DescriptionRefused when the patch is no object, has a field of the wrong type or one
    that we do not know, or when the result breaks a limit.
    """
    changes = json.loads(patch)
    if not isinstance(changes, dict):
        raise DescriptionRefused("the patch must be a JSON object")
    unknown = changes.keys() - {"title", "alt_text", "tags", "metadata", "focal_point"}
    if unknown:
        raise DescriptionRefused(f"unknown field {min(unknown)}")
    tags = changes.get("tags", description.tags) or ()
    if not isinstance(tags, list | tuple) or not all(isinstance(tag, str) for tag in tags):
        raise DescriptionRefused("tags must be a list of strings")
    point = description.focal_point
    kept = {"metadata": json.loads(description.metadata), "focal_point": point and asdict(point)}
    result = apply_merge_patch(kept, changes)
    metadata = result.get("metadata", {})
    if not isinstance(metadata, dict):
        raise DescriptionRefused("metadata must be a JSON object")
    described = Description(
        title=_text("title", changes, description.title),
        alt_text=_text("alt_text", changes, description.alt_text),
        tags=tuple(tags),
        metadata=json.dumps(metadata, ensure_ascii=False, sort_keys=True),
        focal_point=_focal_point(result.get("focal_point")),
    )
    check_description(described)
    return described


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


def _text(name: str, changes: dict[str, Any], present: str) -> str:
    text = changes.get(name, present)
    if text is None:
        return ""
    if not isinstance(text, str):
        raise DescriptionRefused(f"{name} must be a string")
    return text
