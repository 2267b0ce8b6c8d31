"""Metrics of the worker for Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40)


class WorkerMetrics:
    """Counts and times; made once in a process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._jobs = Counter(
            "scalehoster_worker_jobs",
            "Attempts at jobs, by what became of them",
            ["outcome"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "scalehoster_worker_job_seconds",
            "How long an attempt took, without waiting for its turn",
            buckets=_SECONDS,
            registry=self._registry,
        )

    def count(self, outcome: str, seconds: float | None = None) -> None:
        """Note an end: published, confirmed, put_off, dead_letter, or the code of a failure."""
        self._jobs.labels(outcome).inc()
        if seconds is not None:
            self._seconds.observe(seconds)

    def watch(self, name: str, about: str, sample: Callable[[], float]) -> None:
        """Show a number that is looked up whenever Prometheus asks."""
        Gauge(f"scalehoster_worker_{name}", about, registry=self._registry).set_function(sample)

    def serve(self, port: int) -> None:
        """Answer Prometheus on loopback."""
        start_http_server(port, "127.0.0.1", registry=self._registry)
