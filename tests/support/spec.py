"""Given what happened, when this is wished for, then that happens: deciders as sentences."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Self

import pytest

from domain import asset as assets
from domain import category as catalogues
from domain.asset import Asset
from domain.asset.commands import AssetCommand
from domain.asset.events import AssetEvent
from domain.category import EMPTY_CATALOGUE, Catalogue
from domain.category.commands import CatalogueCommand
from domain.category.events import CatalogueEvent
from domain.errors import Refusal
from domain.events import Event
from tests.support.samples import NOON


class Given:
    """A history: made by deciding commands, so that it can really have happened."""

    def __init__(self, *commands: AssetCommand | CatalogueCommand) -> None:
        self.asset: Asset | None = None
        self.catalogue: Catalogue = EMPTY_CATALOGUE
        for command in commands:
            self.happens(command)

    def happens(
        self, command: AssetCommand | CatalogueCommand, now: datetime = NOON
    ) -> Sequence[AssetEvent] | Sequence[CatalogueEvent]:
        """Decide one more command and take its events in."""
        if isinstance(command, AssetCommand):
            decided = assets.decide(command, self.asset, self.catalogue, now)
            for event in decided:
                self.asset = assets.evolve(self.asset, event)
            return decided
        changed = catalogues.decide(command, self.catalogue, now)
        for change in changed:
            self.catalogue = catalogues.evolve(self.catalogue, change)
        return changed

    def when(self, command: AssetCommand | CatalogueCommand) -> "When":
        """Wish for something."""
        return When(self, command)


class When:
    """A wish put to a history."""

    def __init__(self, given: Given, command: AssetCommand | CatalogueCommand) -> None:
        self._given = given
        self._command = command

    def then(self, *kinds: type[Event]) -> Sequence[Event]:
        """Expect exactly these kinds of events, and return them for a closer look."""
        events = self._given.happens(self._command)
        assert [type(event) for event in events] == list(kinds)
        return events

    def then_refused(self, kind: type[Refusal]) -> Refusal:
        """Expect a refusal that leaves everything as it was."""
        before = (self._given.asset, self._given.catalogue)
        with pytest.raises(kind) as refused:
            self._given.happens(self._command)
        assert type(refused.value) is kind
        assert (self._given.asset, self._given.catalogue) == before
        return refused.value

    def with_expected_version(self, version: int) -> Self:
        """Send the wish with an If-Match."""
        metadata = replace(self._command.metadata, expected_version=version)
        self._command = replace(self._command, metadata=metadata)
        return self


def given(*commands: AssetCommand | CatalogueCommand) -> Given:
    """Begin with what happened."""
    return Given(*commands)
