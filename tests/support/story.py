"""What happens in a test: commands are decided as in the real service, and the views notice."""

from datetime import datetime, timedelta
from uuid import UUID

from domain import asset as asset_decider
from domain import category as catalogue_decider
from domain.asset import Asset
from domain.asset.commands import AssetCommand, PublishAsset, RejectAsset, SubmitAsset
from domain.category import Catalogue
from domain.category.commands import CatalogueCommand
from domain.values import (
    AssetId,
    BlobKey,
    CategoryRef,
    Description,
    Duplicates,
    FocalPoint,
    Rendition,
    Sha256,
    Source,
    TenantId,
)
from tests.support.fakes.memory_tables import MemoryTables
from tests.support.samples import ACME, FACTS, FETCH, NOON, ORIGINAL, metadata, submit

GLOBEX = TenantId("globex")


def asset_id(number: int) -> AssetId:
    """Name the asset of a number."""
    return AssetId(str(UUID(int=number, version=4)))


def rendition(name: str, media_type: str, width: int, digit: str) -> Rendition:
    """Make a rendition whose content is named by one digit, over and over."""
    sha256 = Sha256(digit * 64)
    return Rendition(
        name=name,
        blob_key=BlobKey(f"renditions/{digit * 2}/{sha256}"),
        sha256=sha256,
        size_bytes=width,
        media_type=media_type,
        width=width,
        height=width * 3 // 4,
    )


RENDITIONS = (
    rendition("large", "image/webp", 2048, "1"),
    rendition("medium", "image/webp", 1024, "2"),
    rendition("medium", "image/jpeg", 1024, "3"),
    rendition("thumb", "image/webp", 256, "4"),
)


class Story:
    """Tells what happened; each command is decided a second after the one before."""

    def __init__(self, tables: MemoryTables) -> None:
        self.now = NOON
        self._tables = tables
        self._assets: dict[str, Asset | None] = {}
        self._catalogues: dict[str, Catalogue] = {}

    def tell(self, *commands: AssetCommand | CatalogueCommand) -> None:
        """Carry out commands; a refusal is raised."""
        for command in commands:
            if isinstance(command, AssetCommand):
                self._tell_asset(command)
            else:
                self._tell_catalogue(command)
            self.now += timedelta(seconds=1)

    def publish(
        self,
        number: int,
        *slugs: str,
        tenant_id: TenantId = ACME,
        at: datetime | None = None,
        title: str = "A cat",
        watermark: Sha256 | None = None,
        focal_point: FocalPoint | None = None,
    ) -> AssetId:
        """Take a picture in and publish it."""
        self.now = at or self.now
        self.submit(number, *slugs, tenant_id=tenant_id, title=title, focal_point=focal_point)
        self.tell(
            PublishAsset(
                metadata=metadata(asset_id(number), tenant_id=tenant_id),
                run=1,
                original=ORIGINAL,
                renditions=RENDITIONS,
                facts=FACTS,
                pipeline_version=1,
                watermark=watermark,
                fetch=FETCH,
            )
        )
        return asset_id(number)

    def submit(
        self,
        number: int,
        *slugs: str,
        tenant_id: TenantId = ACME,
        title: str = "A cat",
        focal_point: FocalPoint | None = None,
    ) -> AssetId:
        """Take a picture in."""
        self.tell(
            SubmitAsset(
                metadata=metadata(asset_id(number), tenant_id=tenant_id),
                source=Source(
                    url=f"https://example.com/{number}.jpg", upload_key=None, file_name=None
                ),
                categories=tuple(CategoryRef(slug) for slug in slugs),
                description=Description(
                    title=title,
                    alt_text="On a mat",
                    tags=("pet",),
                    metadata='{"shelf":7}',
                    focal_point=focal_point,
                ),
                preset="default",
                is_bulk=False,
                duplicates="keep",
            )
        )
        return asset_id(number)

    def reject_duplicate(self, number: int, of: AssetId, *slugs: str, wish: Duplicates) -> AssetId:
        """Take a picture in that is published already, and is not wanted twice."""
        about = metadata(asset_id(number))
        self.tell(
            submit(about, *slugs, duplicates=wish),
            RejectAsset(
                metadata=metadata(asset_id(number)),
                run=1,
                code="duplicate",
                detail=f"the same picture is published as asset {of}",
                attempts=1,
                duplicate_of=of,
            ),
        )
        return asset_id(number)

    def reject(self, number: int) -> AssetId:
        """Give a picture up."""
        about = metadata(asset_id(number))
        self.tell(
            RejectAsset(
                metadata=about,
                run=1,
                code="http_status",
                detail="it answered 404",
                attempts=1,
                duplicate_of=None,
            )
        )
        return asset_id(number)

    def _tell_asset(self, command: AssetCommand) -> None:
        named = command.metadata.entity_id
        catalogue = self._catalogues.get(
            command.metadata.tenant_id, catalogue_decider.EMPTY_CATALOGUE
        )
        asset = self._assets.get(named)
        events = asset_decider.decide(command, asset, catalogue, self.now)
        for event in events:
            asset = asset_decider.evolve(asset, event)
        self._assets[named] = asset
        self._tables.apply(*events)

    def _tell_catalogue(self, command: CatalogueCommand) -> None:
        tenant_id = command.metadata.tenant_id
        catalogue = self._catalogues.get(tenant_id, catalogue_decider.EMPTY_CATALOGUE)
        events = catalogue_decider.decide(command, catalogue, self.now)
        for event in events:
            catalogue = catalogue_decider.evolve(catalogue, event)
        self._catalogues[tenant_id] = catalogue
        self._tables.apply(*events)
