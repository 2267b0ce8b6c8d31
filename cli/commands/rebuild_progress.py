"""Shows rebuilds as they get on, one bar each."""

import time
from collections.abc import Set as AbstractSet

from cli.local_platform.platform import ServiceEnded
from cli.local_platform.services import RunningService
from cli.output import rated_bars
from infra.cassandra.generations import UNDER_WAY
from projections.rebuild.errors import RebuildRefused
from projections.rebuild.rebuilds import Rebuilds

_POLL_SECONDS = 0.5
_LOG_LINES_SHOWN = 15


class RebuildFailed(RebuildRefused):
    """A rebuild that was waited for did not come to its end."""


def watch_rebuilds(
    rebuilds: Rebuilds, wanted: AbstractSet[tuple[str, int]], builder: RunningService
) -> None:
    """Return when all are built; raises RebuildFailed, or ServiceEnded when nobody builds them."""
    with rated_bars() as shown:
        bars = {
            place: shown.add_task(f"{place[0]} generation {place[1]}", rate=0.0)
            for place in sorted(wanted)
        }
        while bars:
            is_running = builder.pid is not None  # asked first: it may end once all is built
            for rebuild_status in rebuilds.statuses():
                generation = rebuild_status.generation
                bar = bars.get((generation.view, generation.number))
                if bar is None:
                    continue
                shown.update(
                    bar,
                    completed=rebuild_status.done,
                    total=rebuild_status.target,
                    rate=generation.offsets_per_second,
                )
                if generation.state not in UNDER_WAY:
                    del bars[generation.view, generation.number]
                if generation.state in ("failed", "cancelled"):
                    raise RebuildFailed(
                        f"{generation.view}: {generation.state} {generation.reason}".rstrip()
                    )
            if bars and not is_running:
                raise ServiceEnded(
                    f"nobody builds any more. {builder.log} ends with:"
                    f"\n{builder.last_lines(_LOG_LINES_SHOWN)}"
                )
            time.sleep(_POLL_SECONDS if bars else 0)
