"""The rendition server: makes one rendition of a kept original, in the same sandbox."""

import asyncio
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from domain.transformations import (
    MEDIA_TYPE_OF,
    InvalidTransformation,
    Transformation,
    derived_folder,
    derived_key,
    derived_key_prefix,
    parse_transformation,
)
from domain.values import BlobKey
from infra.blobs.store import BlobStore
from infra.errors import BlobNotFound, StoreUnavailable
from read_models.renditions.on_demand_socket import RenditionReply, RenditionRequest
from streams.rendering import Preset, RenderFailed, RenderResult, RenditionSpec

_LONGEST_SIDE = 4096

log = logging.getLogger(__name__)


class PictureRenderer(Protocol):
    """What decodes: streams.rendering.Sandbox."""

    async def render(self, source: Path, preset: Preset) -> RenderResult:
        """Make renditions of a file; raises RenderFailed."""


class RenditionServer:
    """Carries out orders; several who want the same wait for one rendering.

    At most ``at_once`` orders wait or are carried out, and of one original at most ``per_original``
    renditions are kept, with a mark and as many without, so neither a flood of sizes nor one
    customer's fills machine or store. What is to be marked is marked as the preset ``proof`` marks.
    A process that is killed has stored a whole rendition or none.
    """

    def __init__(
        self,
        *,
        sandbox: PictureRenderer,
        blobs: BlobStore,
        scratch: Path,
        at_once: int,
        per_original: int,
        proof: Preset,
    ) -> None:
        self._sandbox = sandbox
        self._blobs = blobs
        self._scratch = scratch
        self._at_once = at_once
        self._per_original = per_original
        self._watermark = proof.watermark
        self._mark = proof.mark
        self._under_way: dict[BlobKey, asyncio.Task[RenditionReply]] = {}

    async def render(self, request: RenditionRequest) -> RenditionReply:
        """Make the rendition; every failure is reported in the reply, nothing is raised."""
        try:
            wanted = parse_transformation(request.words)
        except InvalidTransformation as error:
            return RenditionReply(outcome="failed", detail=str(error))
        if request.watermark not in (None, self._mark):  # one of the two was not started again yet
            return RenditionReply(outcome="busy", detail="the watermark is being changed")
        key = derived_key(request.asset, request.original, wanted, request.watermark)
        making = self._under_way.get(key)
        if making is None:
            if len(self._under_way) >= self._at_once:
                return RenditionReply(
                    outcome="busy", detail="too many pictures are rendered on demand"
                )
            making = asyncio.create_task(self._reply_to(request, wanted, key))
            self._under_way[key] = making
            making.add_done_callback(lambda _: self._under_way.pop(key))
        return await asyncio.shield(making)  # who hangs up must not take it from the others

    async def finish(self, within_seconds: float) -> None:
        """Wait until what is under way has ended, but not longer than this."""
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=within_seconds)

    async def _reply_to(
        self, request: RenditionRequest, wanted: Transformation, key: BlobKey
    ) -> RenditionReply:
        try:
            return await self._render(request, wanted, key)
        except BlobNotFound:
            return RenditionReply(outcome="gone", detail="the original is gone")
        except StoreUnavailable as error:
            return RenditionReply(outcome="store", detail=str(error))
        except RenderFailed as error:
            return RenditionReply(outcome="failed", detail=error.detail)
        except Exception:
            log.exception("%s of %s failed", request.words, request.original)
            return RenditionReply(outcome="fault", detail="something went wrong on our side")

    async def _render(
        self, request: RenditionRequest, wanted: Transformation, key: BlobKey
    ) -> RenditionReply:
        made = await self._blobs.keys(derived_folder(request.asset, request.original))
        if key in made:
            return RenditionReply(outcome="made")
        alike = derived_key_prefix(request.asset, request.original, request.watermark)
        if sum(each.startswith(alike) for each in made) >= self._per_original:
            return RenditionReply(
                outcome="too_many",
                detail=f"{self._per_original} renditions were made of this picture already",
            )
        with TemporaryDirectory(dir=self._scratch) as folder:
            source = Path(folder, "original")
            data = await self._blobs.get(request.original_key)
            await asyncio.to_thread(source.write_bytes, data)
            rendered = await self._sandbox.render(source, self._preset(request, wanted))
        rendition = rendered.renditions[0]
        await self._blobs.put(key, rendition.data, rendition.media_type)
        await self._delete_if_purged(request, key)
        return RenditionReply(outcome="made")

    async def _delete_if_purged(self, request: RenditionRequest, key: BlobKey) -> None:
        """Leave nothing of a purged picture.

        If its original is there still, the purge has to look once more after it has removed that,
        and finds this one too.
        """
        try:
            await self._blobs.head(request.original_key)
        except BlobNotFound:
            await self._blobs.delete(key)
            raise

    def _preset(self, request: RenditionRequest, wanted: Transformation) -> Preset:
        spec = RenditionSpec(
            name="made",
            width=wanted.width or _LONGEST_SIDE,
            height=wanted.height or _LONGEST_SIDE,
            media_type=MEDIA_TYPE_OF[wanted.format],
            quality=wanted.quality,
            fit=wanted.fit,
            gravity=wanted.gravity or "centre",
            is_marked=request.watermark is not None,
        )
        return Preset(
            name="on demand",
            renditions=(spec,),
            has_facts=False,
            watermark=self._watermark if spec.is_marked else None,
        )
