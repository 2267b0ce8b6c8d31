"""Health checks of everything the platform needs, each with advice for when it fails."""

import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cli.api_client import responds_ok
from cli.consistency_report import differing_rows, summary
from cli.local_platform.platform import Platform
from cli.local_platform.services import SERVICES
from domain.errors import ScaleHosterError
from infra.encryption import installation_keyring
from infra.kafka.admin import check_topics
from infra.kafka.client import Kafka
from infra.kafka.offsets.lag import group_lags
from infra.settings import CassandraSettings, Settings
from projections.rebuild.rebuilds import REBUILDABLE
from projections.verification.consistency_checks import last_results
from streams.rendering import decoders_are_filtered

_LEAST_FREE_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheckResult:
    """The result of one check; ``advice`` says what to do when it is not well."""

    what: str
    is_well: bool
    seen: str
    advice: str = ""


def examine(platform: Platform) -> Iterator[HealthCheckResult]:
    """Check one thing after the other; one that cannot be checked is not well."""
    settings = platform.settings
    missing = platform.cluster.missing_programs()
    yield HealthCheckResult(
        what="Java and Maven",
        is_well=not missing,
        seen="there" if not missing else "missing",
        advice=" ".join(missing),
    )
    free = shutil.disk_usage(platform.directory).free
    yield HealthCheckResult(
        what="disk",
        is_well=free > _LEAST_FREE_BYTES,
        seen=f"{free / 1e9:.0f} GB free",
        advice="make room, or name another disk with SCALEHOSTER_DATA_DIR=…",
    )
    filtered = decoders_are_filtered()
    yield HealthCheckResult(
        what="decoders",
        is_well=filtered,
        seen="filtered by seccomp" if filtered else "bounded, but not filtered by seccomp",
        advice="run workers where the kernel has seccomp; until then HEIC is refused",
    )
    for server in platform.cluster.status():
        yield HealthCheckResult(
            what=f"{server.name} {server.version}",
            is_well=server.is_ready,
            seen=f"answers on {server.address}" if server.is_ready else "does not answer",
            advice=f"scalehoster up; its log is {server.log}",
        )
    for service in SERVICES:
        running = platform.services[service]
        yield HealthCheckResult(
            what=service.name,
            is_well=running.pid is not None,
            seen=f"runs as {running.pid}" if running.pid else "does not run",
            advice=f"scalehoster up; its log is {running.log}",
        )
    for name, port in (
        ("command API", settings.command_api.port),
        ("query API", settings.query_api.port),
    ):
        ready = responds_ok(f"http://127.0.0.1:{port}/readyz")
        yield HealthCheckResult(
            what=f"{name} on {port}",
            is_well=ready,
            seen="ready" if ready else _who_has(port),
            advice="scalehoster up; GET /readyz says which part is missing",
        )
    yield _tried(
        "keyring",
        lambda: _keyring(settings),
        "copy the keyring back from its backup; until then nothing personal can be read",
    )
    yield _tried("topics", lambda: _checked(settings.kafka.connection()))
    yield _tried(
        "lag",
        lambda: ", ".join(
            f"{lag.group} {lag.records}" for lag in group_lags(settings.kafka.connection())
        ),
    )
    yield from _views(settings.cassandra)


def _views(cassandra: CassandraSettings) -> Iterator[HealthCheckResult]:
    """Show the results of the last consistency checks; nothing is compared now."""
    try:
        results = {each.view: each for each in last_results(cassandra)}
    except ScaleHosterError as error:
        yield HealthCheckResult(
            what="views", is_well=False, seen=str(error), advice="scalehoster up"
        )
        return
    never = [view.name for view in REBUILDABLE if view.name not in results]
    for result in results.values():
        yield HealthCheckResult(
            what=result.view,
            is_well=result.is_equal,
            seen="\n".join([summary(result), *differing_rows(result)]),
            advice=f"scalehoster consistency repair {result.view}",
        )
    if never:
        yield HealthCheckResult(
            what="never checked",
            is_well=True,
            seen=f"{', '.join(never)}; scalehoster consistency check compares them with the log",
        )


def _keyring(settings: Settings) -> str:
    ring = installation_keyring(settings).ring()
    return f"{ring.ring_id.hex()}, {len(ring.erasures)} erased"


def _tried(what: str, look: Callable[[], str], advice: str = "scalehoster up") -> HealthCheckResult:
    try:
        return HealthCheckResult(what=what, is_well=True, seen=look())
    except ScaleHosterError as error:
        return HealthCheckResult(what=what, is_well=False, seen=str(error), advice=advice)


def _checked(kafka: Kafka) -> str:
    check_topics(kafka)
    return "as declared"


def _who_has(port: int) -> str:
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", port)) == 0
    return "another program listens there, or it is not ready" if taken else "nothing listens there"
