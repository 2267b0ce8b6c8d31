"""Request metrics for Prometheus: count, status, duration."""

from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import generate_latest
from starlette.responses import Response
from starlette.types import Scope

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class RequestMetrics:
    """Counts requests by route template, so that ids in paths make no new series."""

    def __init__(self, service: str, registry: CollectorRegistry) -> None:
        self._service = service
        self._registry = registry
        self._requests = Counter(
            "scalehoster_http_requests",
            "Requests answered",
            ("service", "route", "method", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "scalehoster_http_request_seconds",
            "How long requests took, the body included",
            ("service", "route", "method"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._series: dict[tuple[str, str, int], tuple[Any, Any]] = {}

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one request that was answered."""
        route = getattr(scope.get("route"), "path_format", "") or "unmatched"
        method = scope["method"] if scope["method"] in _METHODS else "other"
        series = self._series.get((route, method, status))
        if series is None:
            series = self._series[route, method, status] = (
                self._requests.labels(self._service, route, method, str(status)),
                self._seconds.labels(self._service, route, method),
            )
        requests, durations = series
        requests.inc()
        durations.observe(seconds)

    def answer(self) -> Response:
        """Show all of the registry as Prometheus reads it."""
        return Response(generate_latest(self._registry), headers={"Content-Type": _CONTENT_TYPE})


def new_registry() -> CollectorRegistry:
    """Open a registry that already tells memory, processor time and collections."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
