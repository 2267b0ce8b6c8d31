"""Records that messages have in common: each version lies once in ``nested/``.

A schema names one as ``"Description.v1"`` wherever a type may stand. Where a whole field of such a
record is encrypted, ``erased`` of the record's own file stands for it once it is erased.
"""

import json
import re
from collections.abc import Callable
from typing import Any

_REFERENCE = re.compile(r"(\w+)\.v\d+")
_TYPES = ("type", "items", "values", "sealed", "fields")


def written_out(text: str, read: Callable[[str], str]) -> str:
    """Write a schema with every record in place of its name; ``read`` gives a record's file."""
    known: set[str] = set()

    def expanded(part: Any) -> Any:  # noqa: ANN401 - JSON is anything
        match part:
            case str() if found := _REFERENCE.fullmatch(part):
                if found[1] in known:
                    return found[1]
                known.add(found[1])
                record = json.loads(read(part))
                record.pop("erased", None)
                return expanded(record)
            case list():
                return [expanded(each) for each in part]
            case {"sealed": str(name)} if "erased" not in part:
                return expanded({**part, "erased": json.loads(read(name))["erased"]})
            case dict():
                return {
                    name: expanded(value) if name in _TYPES else value
                    for name, value in part.items()
                }
        return part

    return json.dumps(expanded(json.loads(text)), indent=2, ensure_ascii=False) + "\n"
