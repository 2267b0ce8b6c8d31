"""What the log says, worked out from the schemas' text by fastavro, without the project's codec."""

import json
import struct
from collections import defaultdict
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro

from avro_schemas.registry import schemas
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.topics import ASSET_EVENTS

_SCHEMAS = Path(__file__).parents[2] / "avro_schemas"


@dataclass(kw_only=True)
class Told:
    """All that the log tells of one asset."""

    names: list[str] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    created_at: Any = None
    is_listed: bool = False
    event_ids: list[str] = field(default_factory=list)


class LogModel:
    """The listings of one tenant as they must be, from a fold of asset-events written here."""

    def __init__(self, kafka: Kafka, tenant_id: str) -> None:
        ids = {
            number: name for name, number in json.loads((_SCHEMAS / "ids.json").read_text()).items()
        }
        parsed: dict[int, Any] = {}
        self.assets: dict[str, Told] = defaultdict(Told)
        with read_from_beginning(kafka, ASSET_EVENTS) as reader:
            for record in sorted(reader.read_to_end(), key=lambda r: (r.partition, r.offset)):
                _, schema_id = struct.unpack(">bI", record.value[:5])
                if schema_id not in parsed:
                    text = schemas()[schema_id].text
                    parsed[schema_id] = fastavro.parse_schema(json.loads(text))
                event = fastavro.schemaless_reader(
                    BytesIO(record.value[5:]), parsed[schema_id], None
                )
                assert isinstance(event, dict)
                if event["metadata"]["tenant_id"] == tenant_id:
                    self._take(ids[schema_id].partition(".")[0], event)

    def _take(self, name: str, event: dict[str, Any]) -> None:
        told = self.assets[event["metadata"]["entity_id"]]
        told.names.append(name)
        told.versions.append(event["metadata"]["entity_version"])
        told.event_ids.append(event["metadata"]["event_id"])
        told.categories = event.get("category_ids", told.categories)
        if name == "AssetSubmitted":
            told.created_at = event["metadata"]["happened_at"]
        if name in ("AssetPublished", "AssetRestored"):
            told.is_listed = name == "AssetPublished" or event["listing"] is not None
        if name == "AssetDeleted":
            told.is_listed = False

    def by_date(self) -> list[str]:
        """Name the listed assets, newest first."""
        listed = [(told.created_at, asset) for asset, told in self.assets.items() if told.is_listed]
        return [asset for _, asset in sorted(sorted(listed, key=lambda one: one[1]), key=_newest)]

    def by_category(self, category_id: str) -> list[str]:
        """Name the listed assets of a category, newest first."""
        return [one for one in self.by_date() if category_id in self.assets[one].categories]


def _newest(one: tuple[Any, str]) -> float:
    return -float(one[0].timestamp())
