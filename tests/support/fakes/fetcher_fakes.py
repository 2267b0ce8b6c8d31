"""A resolver that knows only what a test tells it."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from domain.source_url.addresses import Address
from domain.values import TenantId


class FakeResolver:
    """Answers from a dictionary, remembers every question, and never touches a network."""

    def __init__(self, answers: dict[str, Sequence[str]] | None = None) -> None:
        self.answers = answers or {}
        self.asked: list[str] = []

    async def lookup(self, host: str, tenant_id: TenantId) -> Sequence[Address]:
        self.asked.append(host)
        if host not in self.answers:
            raise OSError("no such name")
        return [ip_address(each) for each in self.answers[host]]


class FlippingResolver:
    """Gives the next answer each time, whatever is asked: DNS rebinding."""

    def __init__(self, answers: Iterator[str]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    async def lookup(self, host: str, tenant_id: TenantId) -> Sequence[Address]:
        self.asked.append(host)
        return [ip_address(next(self._answers))]
