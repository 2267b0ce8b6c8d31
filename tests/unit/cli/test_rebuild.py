"""What an operator is shown of rebuilds."""

from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from cli.__main__ import app
from cli.commands.rebuild import shown
from infra.cassandra.generations import Generation, GenerationComparison, GenerationState
from projections.rebuild.rebuilds import REBUILDABLE
from read_models.generation_status import GenerationStatus

NOW = datetime.now(UTC)


def standing(
    state: GenerationState = "building",
    *,
    is_read: bool = False,
    is_paused: bool = False,
    heard_ago: timedelta = timedelta(),
    comparison: GenerationComparison | None = None,
) -> GenerationStatus:
    return GenerationStatus(
        generation=Generation(
            view="assets_by_date",
            number=2,
            revision=1,
            state=state,
            started_at=NOW,
            is_paused=is_paused,
            seen_at=datetime.now(UTC) - heard_ago,
            comparison=comparison,
            offsets_per_second=30.0,
        ),
        is_read=is_read,
        done=50,
        target=200,
        events=40,
    )


def test_a_rebuild_shows_how_far_it_is_and_when_it_will_be_there() -> None:
    row = shown(standing())
    assert (row["state"], row["done"], row["per s"], row["left"]) == ("building", "25 %", 30, "5 s")


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (standing(is_paused=True), "paused"),
        (standing(heard_ago=timedelta(minutes=1)), "nobody builds it"),
        (standing("following"), "ready"),
        (standing("following", is_read=True), "read"),
        (standing("failed"), "failed"),
    ],
)
def test_states_are_told_in_words_of_the_operator(seen: GenerationStatus, state: str) -> None:
    assert shown(seen)["state"] == state


@pytest.mark.parametrize(("differences", "told"), [(0, "equal to 1"), (7, "7 differ from 1")])
def test_a_comparison_is_told(differences: int, told: str) -> None:
    found = GenerationComparison(
        compared_at=NOW, compared_with=1, row_count=9, difference_count=differences
    )
    assert shown(standing("following", comparison=found))["compared"] == told


def test_one_view_or_all_are_started() -> None:
    for words in ([], ["assets_by_date", "--all"]):
        assert CliRunner().invoke(app, ["rebuild", "start", *words]).exit_code == 2


def test_every_view_but_the_outcomes_can_be_rebuilt() -> None:
    names = {view.name for view in REBUILDABLE}
    assert "assets_by_date" in names
    assert "commands" not in names
