"""Every process and both servers killed in turn, while two hundred pictures are under way."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

import httpx2
import pytest

from cli.local_platform.services import (
    COMMAND_API,
    DECIDER,
    DISPATCHER,
    ERASER,
    PROJECTIONS,
    WORKER,
    Service,
)
from infra.local_cluster import LocalCluster
from tests.support.eventually import eventually
from tests.support.installation import ENDED, Customer, Installation
from tests.support.log_model import LogModel
from tests.support.servers import Servers, start_servers
from tests.support.supplier import Supplier

PICTURES = 200
VICTIMS: tuple[Service | str, ...] = (
    DECIDER,
    DISPATCHER,
    ERASER,
    WORKER,
    PROJECTIONS,
    COMMAND_API,
    "kafka",
    "cassandra",
)
PAUSE_SECONDS = 0.2  # a client's back-off after a refused or broken request

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def mortal_servers(servers: Servers) -> Iterator[Servers]:
    """Servers that may be killed: JVMs of our own."""
    with ExitStack() as stack:
        yield servers if servers.cluster else start_servers("local", stack)


@pytest.fixture(scope="module")
def doomed(
    mortal_servers: Servers,
    installation: Installation,
    supplier: Supplier,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    """An installation that is going to be killed piece by piece; the others' rests meanwhile."""
    installation.down()
    doomed = Installation(mortal_servers, tmp_path_factory.mktemp("doomed"), [supplier.host])
    try:
        doomed.up()
        yield doomed
    finally:
        doomed.down()
        doomed.remove()
        installation.start()


class Persistent:
    """A client that asks again, under the same key, until it has an answer."""

    def __init__(self, customer: Customer) -> None:
        self._customer = customer
        self._never = Event()

    def ask(self, method: str, path: str, key: str, body: object = None) -> httpx2.Response:
        while True:
            try:
                answer = self._customer.commands.request(
                    method, path, json=body, headers={"Idempotency-Key": key}
                )
            except httpx2.TransportError:
                answer = None
            if (
                answer is not None
                and answer.status_code < 500
                and "command_id" not in answer.json()
            ):
                return answer  # decided, not merely accepted
            self._never.wait(PAUSE_SECONDS)


def kill_and_start(
    installation: Installation, cluster: LocalCluster, victim: Service | str
) -> None:
    match victim:
        case Service():
            installation.services[victim].kill()
            installation.restart(victim)
        case "kafka":
            cluster.kafka.kill()
            cluster.kafka.start()
        case "cassandra":
            cluster.cassandra.kill()
            cluster.cassandra.start()


def test_nothing_acknowledged_is_lost_or_done_twice_whatever_is_killed(
    doomed: Installation, mortal_servers: Servers, supplier: Supplier
) -> None:
    assert mortal_servers.cluster is not None
    with doomed.customer() as customer:
        customer.create_category("cats")
        customer.create_category("dogs")
        client = Persistent(customer)
        early = [customer.submit(supplier.url(f"picture/{n}.jpg"), "cats") for n in range(20)]
        for asset_id in early:
            customer.ended(asset_id)
        acknowledged: list[str] = []

        def submit(number: int) -> None:
            kind = "flaky" if number % 20 == 0 else "nothing" if number % 15 == 0 else "picture"
            body = {"download_url": supplier.url(f"{kind}/{number}.jpg"), "category": "cats"}
            answer = client.ask("POST", "/v1/assets", f"picture {number}", body)
            assert answer.status_code == 202, answer.text
            acknowledged.append(answer.json()["asset_id"])

        def change(number: int) -> None:
            path = f"/v1/assets/{early[number]}"
            moved = client.ask(
                "PUT", f"{path}/categories", f"move {number}", {"categories": ["dogs", "cats"]}
            )
            assert moved.status_code == 200, moved.text
            if number % 2:
                assert client.ask("DELETE", path, f"delete {number}").status_code == 200

        with ThreadPoolExecutor(6) as pool:
            asked = [
                pool.submit(submit, number)
                for number in range(20, 20 + PICTURES // (len(VICTIMS) + 1))
            ]
            for round_number, victim in enumerate(VICTIMS, start=1):
                first = 20 + PICTURES * round_number // (len(VICTIMS) + 1)
                last = 20 + PICTURES * (round_number + 1) // (len(VICTIMS) + 1)
                asked += [pool.submit(submit, number) for number in range(first, last)]
                asked += [
                    pool.submit(change, number)
                    for number in range((round_number - 1) * 2, round_number * 2)
                ]
                goal = PICTURES * round_number // (len(VICTIMS) + 1)
                eventually(reached(acknowledged, goal - 5), within_seconds=120)
                kill_and_start(doomed, mortal_servers.cluster, victim)
            doomed.start()  # what died of its neighbour's death
            for one in asked:
                one.result()

        assert len(set(acknowledged)) == PICTURES
        everything = early + acknowledged
        eventually(lambda: unfinished(customer, everything) == [], within_seconds=180)
        model = LogModel(doomed.kafka, customer.tenant_id)
        assert set(model.assets) == set(everything)
        for asset_id, told in model.assets.items():
            assert told.versions == list(range(1, len(told.versions) + 1)), (asset_id, told)
            assert len(set(told.event_ids)) == len(told.event_ids)
            ends = [name for name in told.names if name in ("AssetPublished", "AssetRejected")]
            assert len(ends) == 1, (asset_id, told.names)
            assert told.names.count("AssetSubmitted") == 1
        for slug in ("cats", "dogs"):
            category_id = customer.queries.get(f"/v1/categories/{slug}").json()["category_id"]
            eventually(same(customer, slug, model.by_category(category_id)), within_seconds=60)
        eventually(lambda: customer.by_date() == model.by_date(), within_seconds=60)
        assert model.by_date()


def reached(acknowledged: list[str], goal: int) -> Callable[[], bool]:
    return lambda: len(acknowledged) >= goal


def same(customer: Customer, slug: str, expected: list[str]) -> Callable[[], bool]:
    return lambda: customer.by_category(slug) == expected


def unfinished(customer: Customer, assets: list[str]) -> list[str]:
    return [
        asset_id
        for asset_id in assets
        if customer.asset(asset_id)["status"] not in ENDED | {"deleted"}
    ]
