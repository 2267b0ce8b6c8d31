"""What Generations promise; a test class per implementation inherits it."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

from infra.cassandra.generations import Generation, GenerationComparison, Generations

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def planned(view: str, number: int = 1) -> Generation:
    return Generation(view=view, number=number, revision=3, state="planned", started_at=NOON)


class GenerationsContract:
    """Each test has a view of its own."""

    def generations(self) -> Generations:
        raise NotImplementedError

    def begin(self, view: str) -> None:
        """Have generation 1 of a view read."""
        raise NotImplementedError

    def only(self, view: str) -> Generation:
        (found,) = [each for each in self.generations().all() if each.view == view]
        return found

    def test_one_that_was_added_is_found(self) -> None:
        new = planned(name())
        assert self.generations().add(new)
        assert self.only(new.view) == new

    def test_of_two_with_one_number_the_second_is_refused(self) -> None:
        new = planned(name())
        assert self.generations().add(new)
        assert not self.generations().add(replace(new, revision=4))
        assert self.only(new.view).revision == 3

    def test_a_state_changes_only_from_what_it_was(self) -> None:
        new = planned(name())
        self.generations().add(new)
        assert self.generations().move(new, "failed", "why")
        assert not self.generations().move(new, "building")
        assert self.only(new.view) == replace(new, state="failed", reason="why")

    def test_a_builder_is_steered_only_in_the_state_it_was(self) -> None:
        new = planned(name())
        self.generations().add(new)
        wish = {"is_paused": True, "processes": 4, "events_per_second": 50}
        assert self.generations().steer(new, is_paused=True, processes=4, events_per_second=50)
        self.generations().move(new, "cancelled")
        assert not self.generations().steer(new, is_paused=False, processes=1, events_per_second=0)
        found = self.only(new.view)
        assert {key: getattr(found, key) for key in wish} == wish

    def test_what_a_builder_told_is_kept(self) -> None:
        new = planned(name())
        self.generations().add(new)
        self.generations().report(new.view, 1, 12.5)
        found = self.only(new.view)
        assert found.offsets_per_second == 12.5
        assert found.seen_at is not None
        assert abs((datetime.now(UTC) - found.seen_at).total_seconds()) < 60

    def test_targets_are_kept(self) -> None:
        view = name()
        assert self.generations().targets(view, 1) == {}
        self.generations().set_targets(view, 1, "t", {0: 7, 2: 0})
        assert self.generations().targets(view, 1) == {("t", 0): 7, ("t", 2): 0}

    def test_a_comparison_is_kept(self) -> None:
        new = planned(name(), 2)
        self.generations().add(new)
        found = GenerationComparison(
            compared_at=NOON, compared_with=1, row_count=9, difference_count=2
        )
        self.generations().note(new.view, 2, found)
        assert self.only(new.view).comparison == found

    def test_of_two_switches_at_once_the_second_is_refused(self) -> None:
        view = name()
        self.begin(view)
        for number in (1, 2, 3):
            self.generations().add(planned(view, number))
        before = datetime.now(UTC)
        assert self.generations().switch(view, 1, 2, "because")
        assert not self.generations().switch(view, 1, 3)
        active = self.generations().actives()[view]
        assert active.number == 2
        assert abs((active.since - before).total_seconds()) < 60
        replaced = {
            each.number: each.replaced for each in self.generations().all() if each.view == view
        }
        assert replaced[2] == 1


def name() -> str:
    return f"view-{uuid4().hex[:8]}"
