"""The generations of the tests keep the promises of the real ones."""

import pytest

from infra.cassandra.generations import Generations
from tests.contract.generations import NOON, GenerationsContract
from tests.support.fakes.memory_generations import MemoryGenerations


class TestMemoryGenerations(GenerationsContract):
    @pytest.fixture(autouse=True)
    def _new(self) -> None:
        self.kept = MemoryGenerations()

    def generations(self) -> Generations:
        return self.kept

    def begin(self, view: str) -> None:
        self.kept.read(view, 1, NOON)
