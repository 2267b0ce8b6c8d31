"""The erasure of a whole tenant: in which order, and what is let in meanwhile."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from domain.values import BlobKey, TenantId
from infra import encryption
from streams.erasure.asset_eraser import AssetEraser, ErasureRequest, OnProgress
from streams.erasure.tenant_erasure import TenantErasure, TenantHasNothing
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.keyrings import fixed_keyring
from tests.support.samples import ACME, NOON
from tests.unit.streams.erasure import test_asset_eraser as assets
from tests.unit.streams.erasure.test_tenant_belongings import Installation

NOBODY = TenantId("nobody")
UPLOAD = BlobKey("assets/acme/asset-9/uploads/undecided/a")


class Erasure:
    """An erasure of all that a tenant of an installation has; ``steps`` are what was seen of it."""

    def __init__(self, place: Path, tenant_id: TenantId = ACME) -> None:
        self.there = Installation()
        self.keyring = encryption.KeyringFile(place / "keyring", [""])
        self.keyring.make(fixed_keyring())
        self.blobs = MemoryBlobStore()
        self.blobs.blobs = {UPLOAD: b"an upload that nobody decided"}
        self.steps: list[str] = []
        self.is_late = False
        self.log = log = assets.installed(*([assets.asset(1)] if tenant_id == ACME else []))
        request = ErasureRequest(tenant_id=ACME, filter=assets.ALL, source_host=None, is_whole=True)
        self.subject = TenantErasure(
            request=request,
            assets=AssetEraser(request, log, log, log, self._caught_up, lambda: NOON, log.pause),
            read_belongings=partial(self.there.of, tenant_id),
            keyring=self.keyring,
            sender=self.there,
            queue=self.there.queue,
            open_store=lambda: self.blobs,
        )

    def run(self) -> int:
        return asyncio.run(self.subject.run(lambda: self._note("key destroyed"), self._bar))

    @contextmanager
    def _bar(self) -> Iterator[OnProgress]:
        self._note("assets begin")
        self.is_late = True
        yield lambda _purged, _left: None
        self._note("assets erased")

    async def _caught_up(self) -> None:
        if self.is_late:  # one more key, by somebody who was let in before his own was revoked
            self.is_late = False
            await self.there.issue(ACME)
        await self.log.caught_up()

    def _note(self, step: str) -> None:
        keys = len(self.there.of(ACME).keys)
        self.steps.append(f"{step}: {keys} keys work, {len(self.blobs.blobs)} blobs")


def test_nobody_can_act_before_the_assets_go_and_what_was_let_in_meanwhile_goes_too(
    tmp_path: Path,
) -> None:
    erasure = Erasure(tmp_path)
    assert asyncio.run(erasure.subject.preview()).erased_at is None
    assert erasure.run() == 1
    assert erasure.steps == [
        "key destroyed: 0 keys work, 1 blobs",
        "assets begin: 0 keys work, 1 blobs",
        "assets erased: 1 keys work, 1 blobs",
    ]
    assert not erasure.there.of(ACME).keys
    assert not erasure.blobs.blobs
    assert erasure.subject.erased_at() is not None


def test_a_tenant_that_has_nothing_is_named_unless_it_was_erased_before(tmp_path: Path) -> None:
    erasure = Erasure(tmp_path, NOBODY)
    with pytest.raises(TenantHasNothing, match="nothing of a tenant acme"):
        asyncio.run(erasure.subject.preview())
    whole = encryption.Erasure(tenant_id=ACME, entity_id=encryption.WHOLE_TENANT, erased_at=NOON)
    erasure.keyring.erase([whole])
    assert asyncio.run(erasure.subject.preview()).erased_at == NOON
