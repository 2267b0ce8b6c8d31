"""Render on demand: ``python -m streams.transforming``."""

import sys
from contextlib import AsyncExitStack

from infra.blob_store import open_blob_store
from infra.errors import SettingsWrong
from infra.settings import Settings, load
from infra.transforming import serve_rendition_requests
from streams.processing.scratch import scratch_folder
from streams.rendering import RenderLimits, Sandbox, check_filter, deployed_presets
from streams.running import run_process
from streams.stopping import stop_signal
from streams.transforming.transforming import RenditionServer

_FINISH_SECONDS = 15.0


def main() -> int:
    """Answer until SIGTERM, and end what is under way; 1 when the settings are wrong."""
    return run_process("transformer", load, (), _work)


async def _work(settings: Settings) -> int:
    check_filter(is_required=settings.decoders_must_be_filtered)
    stopping = stop_signal()
    place = settings.transform_socket
    place.parent.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as parts:
        sandbox = await parts.enter_async_context(
            Sandbox(
                processes=settings.transform.processes,
                limits=RenderLimits(
                    max_source_bytes=max(
                        settings.fetch.max_bytes, settings.command_api.max_upload_bytes
                    ),
                    max_pixels=settings.render.max_pixels,
                    wall_seconds=settings.render.timeout_seconds,
                ),
            )
        )
        transforming = RenditionServer(
            sandbox=sandbox,
            blobs=open_blob_store(settings.blobs_url, settings.blobs),
            scratch=parts.enter_context(scratch_folder(settings.data_dir / "scratch")),
            at_once=settings.transform.at_once,
            per_original=settings.transform.per_original,
            proof=deployed_presets(settings.render.watermark)["proof"],
        )
        try:
            server = await serve_rendition_requests(place, transforming.render)
        except OSError as error:
            raise SettingsWrong(f"transform.socket: {place}: {error}") from error
        await stopping.wait()
        server.close()
        await transforming.finish(_FINISH_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
