"""Render on demand: ``python -m streams.rendering.on_demand``."""

import sys
from contextlib import AsyncExitStack

from infra.blobs.store import open_blob_store
from infra.errors import SettingsWrong
from infra.settings import Settings, load
from read_models.renditions.on_demand_socket import serve_rendition_requests
from streams.rendering import RenderLimits, Sandbox, check_filter, deployed_presets
from streams.rendering.on_demand.rendition_server import RenditionServer
from streams.runtime.process import run_process
from streams.runtime.scratch_folder import scratch_folder
from streams.runtime.stop_signal import stop_signal

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
        rendition_server = RenditionServer(
            sandbox=sandbox,
            blobs=open_blob_store(settings.blobs_url, settings.blobs),
            scratch=parts.enter_context(scratch_folder(settings.data_dir / "scratch")),
            at_once=settings.transform.at_once,
            per_original=settings.transform.per_original,
            proof=deployed_presets(settings.render.watermark)["proof"],
        )
        try:
            server = await serve_rendition_requests(place, rendition_server.render)
        except OSError as error:
            raise SettingsWrong(f"transform.socket: {place}: {error}") from error
        await stopping.wait()
        server.close()
        await rendition_server.finish(_FINISH_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
