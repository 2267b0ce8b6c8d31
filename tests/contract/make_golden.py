"""Keep the bytes of every message version for good.

``python -m tests.contract.make_golden`` writes what is missing and overwrites nothing: the framed
bytes of one made-up message, and beside them as JSON what they say, sealed fields opened, for a
person to look at. To make one again before its version is released, delete its two files first.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import Enum
from hashlib import blake2b
from io import BytesIO
from itertools import count
from pathlib import Path
from types import NoneType
from typing import Any, Literal, NewType, get_args, get_origin, get_type_hints

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from fastavro import schemaless_reader

from avro_schemas.codec import KINDS, encode
from avro_schemas.encryption import use_encryptor
from avro_schemas.registry import WrittenSchema, newest, schemas
from tests.support.keyrings import ROOT, fixed_keyring

GOLDEN = Path(__file__).parent / "golden"
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def key(schema: WrittenSchema) -> str:
    """Name the files of one message version."""
    return f"{schema.name}.v{schema.version}"


def plain(record: object) -> Any:  # noqa: ANN401 - JSON is anything
    """Turn a record into what its JSON file says: bytes as hex digits, moments as text."""

    def spell(value: object) -> str:
        return value.hex() if isinstance(value, bytes) else str(value)

    return json.loads(json.dumps(record, default=spell))


def read_without_us(name: str) -> object:
    """Read a golden file with its schema, its key, fastavro and cryptography: nothing of ours."""
    schema = next(json.loads(each.text) for each in schemas().values() if key(each) == name)
    body = BytesIO((GOLDEN / f"{name}.bin").read_bytes()[5:])
    return opened(schema, schemaless_reader(body, schema, None), {})


def opened(schema: Any, value: Any, known: dict[str, Any]) -> Any:  # noqa: ANN401 - any type
    """Open the sealed fields of a value of this type."""
    match schema:
        case {"type": "record", "name": name, "fields": fields}:
            known[name] = schema
            return {field["name"]: _opened_field(field, value, known) for field in fields}
        case {"type": "array", "items": items}:
            return [opened(items, item, known) for item in value]
        case ["null", inner]:
            return None if value is None else opened(inner, value, known)
    return value


def _opened_field(field: Any, record: Any, known: dict[str, Any]) -> Any:  # noqa: ANN401 - as above
    name = field["name"]
    if "sealed" not in field:
        return opened(field["type"], record[name], known)
    inner = field["sealed"]
    if isinstance(inner, dict) and inner["type"] == "record":
        known[inner["name"]] = inner
    plain_bytes = BytesIO(unsealed(record[name], name))
    return schemaless_reader(
        plain_bytes, known.get(inner, inner) if isinstance(inner, str) else inner, None
    )


def unsealed(sealed: bytes, label: str) -> bytes:
    """Open sealed bytes: 01, ring (4 bytes), leaves of tenant and entity (8 each), AES-SIV."""
    theirs, own = _leaf(sealed[5:13]), _leaf(sealed[13:21])
    key = blake2b(b"seal" + own, key=theirs, digest_size=64).digest()
    return AESSIV(key).decrypt(sealed[21:], [label.encode()])


def _leaf(name: bytes) -> bytes:
    secret = ROOT
    for bit in f"{int.from_bytes(name, 'big'):064b}":
        secret = blake2b(bytes([int(bit)]), key=secret, digest_size=32).digest()
    return secret


def made_up(hint: Any, name: str, numbers: Iterator[int]) -> Any:  # noqa: ANN401 - of any type
    """Make a value that tells its field apart from every other; nothing is left out."""
    arguments = get_args(hint)
    if isinstance(hint, NewType):
        return made_up(hint.__supertype__, name, numbers)
    if hint is str:
        return f"{name} {next(numbers)} ö 猫"  # one, two and three bytes a character
    if hint is bytes:
        return bytes([0, 255, next(numbers)])
    if hint is datetime:
        return NEW_YEAR + timedelta(days=next(numbers), microseconds=next(numbers))
    if hint is float:
        return next(numbers) / 8
    if hint in (int, bool):
        return hint(next(numbers))
    if get_origin(hint) is dict:
        return {f"{name} {n}": made_up(str, name, numbers) for n in "ab"}
    if get_origin(hint) is tuple:
        return tuple(made_up(arguments[0], name, numbers) for _ in range(2))
    if get_origin(hint) is Literal:
        return arguments[0]
    if NoneType in arguments:
        (inner,) = (argument for argument in arguments if argument is not NoneType)
        return made_up(inner, name, numbers)
    if issubclass(hint, Enum):
        return next(iter(hint))
    return hint(**{n: made_up(h, n, numbers) for n, h in get_type_hints(hint).items()})


def main() -> None:
    """Write the golden files that are missing."""
    use_encryptor(fixed_keyring())
    for kind in KINDS.values():
        name = key(newest(kind.__name__))
        if not (GOLDEN / f"{name}.bin").exists():
            message = made_up(kind, "", count(1))
            (GOLDEN / f"{name}.bin").write_bytes(encode(message))
            said = json.dumps(plain(read_without_us(name)), indent=2, ensure_ascii=False)
            (GOLDEN / f"{name}.json").write_text(said + "\n", "utf-8")


if __name__ == "__main__":
    main()
