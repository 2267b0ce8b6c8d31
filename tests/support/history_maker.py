"""Histories of a small tenant that can really have happened: deciders made them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256

from hypothesis import strategies as st

from domain import asset as assets
from domain import category as catalogues
from domain.asset import Asset
from domain.asset.commands import (
    AdjustCategories,
    AdjustTags,
    AssetCommand,
    ConfirmAsset,
    ConfirmErasure,
    DelayAsset,
    DeleteAsset,
    DescribeAsset,
    PublishAsset,
    PurgeAsset,
    RefreshAsset,
    RejectAsset,
    ReplaceSource,
    ReprocessAsset,
    RepublishAsset,
    RestoreAsset,
)
from domain.asset.events import AssetEvent
from domain.category import EMPTY_CATALOGUE, Catalogue
from domain.category.commands import (
    ArchiveCategory,
    CatalogueCommand,
    MoveCategory,
    RenameCategory,
    RestoreCategory,
)
from domain.category.events import CatalogueEvent
from domain.errors import Refusal
from domain.values import AssetId, BlobKey, CategoryRef, CategorySlug, Sha256
from tests.support.samples import (
    ACME,
    CAT_PICTURE,
    DOG_PICTURE,
    FETCH,
    NOON,
    create_category,
    metadata,
    publish,
    set_categories,
    submit,
)

ASSETS = tuple(f"0190b6f0-0000-7000-8000-00000000000{n}" for n in range(3))
POINTS = ({"x": 0.25, "y": 1}, {"x": 0.5, "y": 0.125}, None)
SLUGS = ("cats", "dogs", "pets")

VERBS = (
    *("submit", "submit", "submit", "publish", "publish", "publish", "reject", "delay"),
    *("categorise", "describe", "delete", "restore"),
    *("adjust", "retag", "republish", "refresh", "confirm"),
    *("purge", "erase", "reprocess", "replace", "create", "rename", "move", "archive", "unarchive"),
)
Wish = tuple[str, int, int, int]  # a verb, whose, and two numbers to choose by
wishes = st.lists(
    st.tuples(
        st.sampled_from(VERBS),
        st.integers(0, 2),
        st.integers(0, 2),
        st.integers(0, 2),
    ),
    min_size=30,  # without it hypothesis gives five on average, and most of those are refused
    max_size=60,
)


@dataclass
class Tenant:
    """What deciding a few wishes led to; ``events`` are in the order they happened."""

    catalogue: Catalogue = EMPTY_CATALOGUE
    assets: dict[str, Asset] = field(default_factory=dict)
    events: list[AssetEvent | CatalogueEvent] = field(default_factory=list)

    def decide(self, wish: Wish) -> None:
        """Put one wish to the deciders; what is refused leaves no trace."""
        # Days pass, months too; now and then the clock goes back.
        step = len(self.events)
        now = NOON + timedelta(days=3 * step if step % 5 else -step, microseconds=step)
        command = _command(wish, self.assets)
        try:
            if isinstance(command, AssetCommand):
                asset_id = command.metadata.entity_id
                for event in assets.decide(command, self.assets.get(asset_id), self.catalogue, now):
                    asset = assets.evolve(self.assets.get(asset_id), event)
                    assert asset is not None
                    self.assets[asset_id] = asset
                    self.events.append(event)
            else:
                for change in catalogues.decide(command, self.catalogue, now):
                    self.catalogue = catalogues.evolve(self.catalogue, change)
                    self.events.append(change)
        except Refusal:
            return


def tenant(chosen: Sequence[Wish]) -> Tenant:
    """Begin with three categories and let the wishes come."""
    made = Tenant()
    for number in range(len(SLUGS)):
        made.decide(("create", number, 0, 0))
    for wish in chosen:
        made.decide(wish)
    return made


def _command(wish: Wish, known: dict[str, Asset]) -> AssetCommand | CatalogueCommand:
    verb, whose, one, other = wish
    about, slug = metadata(ASSETS[whose]), CategoryRef(SLUGS[whose])
    asset = known.get(ASSETS[whose])
    run = asset.run if asset else 1
    commands: dict[str, Callable[[], AssetCommand | CatalogueCommand]] = {
        "submit": lambda: submit(
            about,
            SLUGS[one],
            SLUGS[other],
            title=f"Title {one}",
            duplicates="return" if other else "keep",
        ),
        "publish": lambda: _publish(publish(about, run=run), one, other),
        "reject": lambda: RejectAsset(
            metadata=about,
            run=run,
            code="timeout",
            detail=f"after {one}",
            attempts=other,
            duplicate_of=AssetId(ASSETS[one]) if one else None,
        ),
        "delay": lambda: DelayAsset(
            metadata=about,
            run=run,
            code="timeout",
            detail=f"after {one}",
            attempts=other,
            retry_at=NOON + timedelta(seconds=one),
        ),
        "categorise": lambda: set_categories(about, SLUGS[one], SLUGS[other]),
        "describe": lambda: DescribeAsset(
            metadata=about,
            patch=_patch(one, other),
        ),
        "adjust": lambda: AdjustCategories(
            metadata=about,
            add=(CategoryRef(SLUGS[one]),),
            remove=(CategoryRef(SLUGS[other]),),
            if_in=CategoryRef(SLUGS[other]) if one else None,
        ),
        "retag": lambda: AdjustTags(metadata=about, add=(f"{one}",), remove=(f"{other}",)),
        "republish": lambda: _republish(_publish(publish(about), one, other)),
        "delete": lambda: DeleteAsset(metadata=about),
        "restore": lambda: RestoreAsset(metadata=about),
        "purge": lambda: PurgeAsset(metadata=about),
        "erase": lambda: ConfirmErasure(metadata=about),
        "reprocess": lambda: ReprocessAsset(
            metadata=about, preset=f"preset {one}", is_bulk=bool(other)
        ),
        "refresh": lambda: RefreshAsset(metadata=about, is_bulk=bool(other)),
        "confirm": lambda: ConfirmAsset(
            metadata=about, run=run, fetch=replace(FETCH, status=304, etag=f'"{one}"')
        ),
        "replace": lambda: ReplaceSource(
            metadata=about, source=DOG_PICTURE if one else replace(CAT_PICTURE, file_name="c.jpg")
        ),
        "create": lambda: create_category(SLUGS[whose], parent=SLUGS[one] if other == 2 else None),
        "rename": lambda: RenameCategory(
            metadata=metadata(ACME),
            category=slug,
            name=f"Name {one}",
            slug=CategorySlug(f"{SLUGS[whose]}-{other}") if other else None,
        ),
        "move": lambda: MoveCategory(
            metadata=metadata(ACME),
            category=slug,
            parent=CategoryRef(SLUGS[one]) if other else None,
        ),
        "archive": lambda: ArchiveCategory(metadata=metadata(ACME), category=slug),
        "unarchive": lambda: RestoreCategory(metadata=metadata(ACME), category=slug),
    }
    return commands[verb]()


def _patch(one: int, other: int) -> str:
    changes = {"title": f"New {one}", "tags": [f"{other}"], "focal_point": POINTS[other]}
    return json.dumps(changes)


def _publish(command: PublishAsset, one: int, other: int) -> PublishAsset:
    digest = Sha256(sha256(bytes([one])).hexdigest())
    original = replace(
        command.original, sha256=digest, blob_key=BlobKey(f"originals/{digest[:2]}/{digest}")
    )
    return replace(
        command,
        original=original,
        facts=replace(command.facts, perceptual_hash=f"f0e1d2c3b4a5968{one}"),
        pipeline_version=other,
        watermark=Sha256(f"{one}" * 64) if one else None,
        fetch=command.fetch if other else None,
    )


def _republish(shown: PublishAsset) -> RepublishAsset:
    return RepublishAsset(
        metadata=shown.metadata,
        original=shown.original,
        renditions=shown.renditions,
        facts=shown.facts,
        pipeline_version=shown.pipeline_version,
        watermark=shown.watermark,
        fetch=shown.fetch,
    )
