"""One installation for all end-to-end tests; each test is a tenant of its own."""

from collections.abc import Iterator

import pytest

from tests.support.installation import Customer, Installation
from tests.support.servers import Servers
from tests.support.supplier import Supplier
from tests.support.webhook_receiver import HookReceiver


@pytest.fixture(scope="session")
def supplier() -> Iterator[Supplier]:
    """A server with pictures, on loopback."""
    with Supplier().running() as supplier:
        yield supplier


@pytest.fixture(scope="session")
def receiver() -> Iterator[HookReceiver]:
    """A customer's server that takes webhooks, on loopback."""
    with HookReceiver().running() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def installation(
    servers: Servers,
    supplier: Supplier,
    receiver: HookReceiver,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    """Every service running, as ``scalehoster up`` leaves them."""
    hosts = [supplier.host, receiver.host]
    installation = Installation(servers, tmp_path_factory.mktemp("var"), hosts)
    try:
        installation.up()
        yield installation
    finally:
        installation.down()
        installation.remove()


@pytest.fixture
def customer(installation: Installation) -> Iterator[Customer]:
    """A tenant of this test alone, with a category ``cats``."""
    with installation.customer() as customer:
        customer.create_category("cats")
        yield customer


@pytest.fixture
def stranger(installation: Installation) -> Iterator[Customer]:
    """Another tenant."""
    with installation.customer() as stranger:
        yield stranger
