from prometheus_client import CollectorRegistry

from projections.metrics import ProjectionMetrics


def test_what_waits_is_shown_for_the_generations_that_are_followed_now() -> None:
    registry = CollectorRegistry()
    metrics = ProjectionMetrics(registry)

    def shown(view: str, generation: str) -> float | None:
        return registry.get_sample_value(
            "scalehoster_projections_entities_waiting", {"view": view, "generation": generation}
        )

    metrics.set_waiting_entities({("asset_by_id", "1"): 2, ("categories", "1"): 0})
    assert (shown("asset_by_id", "1"), shown("categories", "1")) == (2, 0)
    metrics.set_waiting_entities({("asset_by_id", "2"): 1})
    assert (shown("asset_by_id", "1"), shown("asset_by_id", "2")) == (None, 1)
    assert shown("categories", "1") is None
