"""Once the keys of purged assets are destroyed, nothing personal is left, and all else holds."""

from collections.abc import Iterable

from hypothesis import given

from avro_schemas.codec import decode, encode
from domain import asset as assets
from domain.asset import Asset
from domain.asset.events import AssetEvent
from domain.category.events import CatalogueEvent
from domain.values import Status
from infra.cassandra.column_encryption import blank_erased_columns
from infra.encryption import Erasure, Keyring
from read_models.registry import VIEWS
from tests.support.fakes.memory_views import MemoryViewStore
from tests.support.history_maker import Tenant, Wish, tenant, wishes
from tests.support.keyrings import fixed_keyring, using_encryptor
from tests.support.samples import ACME, NOON


def erased(made: Tenant) -> Keyring:
    """Destroy the keys of all that was purged."""
    return fixed_keyring().without(
        Erasure(tenant_id=ACME, entity_id=asset_id, erased_at=NOON) for asset_id in purged(made)
    )


def purged(made: Tenant) -> set[str]:
    return {key for key, asset in made.assets.items() if asset.status is Status.PURGED}


def sealed_rows(events: Iterable[AssetEvent | CatalogueEvent]) -> dict[str, object]:
    """Build all views, and give their rows as they lie there."""
    store = MemoryViewStore()
    for event in events:
        for view in VIEWS:
            store.write(view.rows(event), generation=1)
    return {
        table.name: {
            key: blank_erased_columns(columns, table)
            for key, columns in store.sealed_rows(table).items()
        }
        for view in VIEWS
        for table in view.tables
    }


def read(values: list[bytes]) -> list[AssetEvent | CatalogueEvent]:
    found = [decode(value) for value in values]
    return [each for each in found if isinstance(each, AssetEvent | CatalogueEvent)]


@given(wishes)
def test_views_from_before_and_views_rebuilt_after_are_alike(chosen: list[Wish]) -> None:
    made = tenant(chosen)
    values = [encode(event) for event in made.events]
    store = MemoryViewStore()
    for event in made.events:
        for view in VIEWS:
            store.write(view.rows(event), generation=1)
    with using_encryptor(erased(made)):
        live = {
            table.name: {
                key: blank_erased_columns(columns, table)
                for key, columns in store.sealed_rows(table).items()
            }
            for view in VIEWS
            for table in view.tables
        }
        assert live == sealed_rows(read(values))


@given(wishes)
def test_an_asset_ends_as_it_did(chosen: list[Wish]) -> None:
    made = tenant(chosen)
    values = [encode(event) for event in made.events]
    with using_encryptor(erased(made)):
        again: dict[str, Asset | None] = {}
        for event in read(values):
            if isinstance(event, AssetEvent):
                again[event.asset_id] = assets.evolve(again.get(event.asset_id), event)
    assert again == made.assets


@given(wishes)
def test_nothing_personal_can_be_read_of_what_was_purged(chosen: list[Wish]) -> None:
    made = tenant(chosen)
    gone = purged(made)
    values = [
        encode(event)
        for event in made.events
        if isinstance(event, AssetEvent) and event.asset_id in gone
    ]
    with using_encryptor(erased(made)):
        said = repr([decode(value) for value in values])
    assert not any(word in said for word in ("Title", "New ", "https://", "Canon"))
