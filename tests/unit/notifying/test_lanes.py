"""Room for each endpoint."""

from datetime import timedelta

from domain.hooks import EndpointId
from domain.values import TenantId
from streams.notifying.lanes import EndpointLimits
from tests.samples import NOON

A, B = EndpointId("a"), EndpointId("b")
EVIL = TenantId("evil")


def enter(
    lanes: EndpointLimits, endpoint_id: EndpointId, tenant_id: TenantId | None = None
) -> bool:
    """Begin a delivery of a tenant who has nothing but this endpoint."""
    return lanes.enter(endpoint_id, tenant_id or TenantId(f"owner of {endpoint_id}"))


def begun(lanes: EndpointLimits, endpoint_id: EndpointId, times: int = 100) -> int:
    return sum(enter(lanes, endpoint_id) for _ in range(times))


def test_an_endpoint_gets_a_few_at_once_and_takes_nothing_from_another() -> None:
    lanes = EndpointLimits()
    assert begun(lanes, A) == 4
    assert begun(lanes, B) == 4
    assert lanes.in_flight == 8


def test_one_in_trouble_gets_one_at_a_time_until_something_works() -> None:
    for seconds, is_well in ((0.1, False), (5.0, True)):
        lanes = EndpointLimits()
        enter(lanes, A)
        lanes.leave(A, seconds=seconds, is_well=is_well)
        assert begun(lanes, A) == 1
        lanes.leave(A, seconds=0.1, is_well=True)
        assert begun(lanes, A) == 4


def test_all_in_trouble_together_leave_room_for_the_others() -> None:
    lanes = EndpointLimits()
    troubled = [EndpointId(f"t{number}") for number in range(500)]
    for each in troubled:
        enter(lanes, each)
        lanes.leave(each, seconds=15.0, is_well=False)
    assert sum(enter(lanes, each) for each in troubled) == 64
    assert begun(lanes, A) == 4
    for each in troubled[:64]:
        lanes.leave(each, seconds=0.1, is_well=True)
    assert sum(enter(lanes, each) for each in troubled[64:]) == 64


def test_one_that_gets_into_trouble_with_several_under_way_counts_them_all() -> None:
    lanes = EndpointLimits()
    assert begun(lanes, A) == 4
    lanes.leave(A, seconds=15.0, is_well=False)
    assert not enter(lanes, A)
    others = [EndpointId(f"t{number}") for number in range(100)]
    for each in others:
        enter(lanes, each)
        lanes.leave(each, seconds=15.0, is_well=False)
    entered = [each for each in others if enter(lanes, each)]
    assert len(entered) == 61
    for each in entered:
        lanes.leave(each, seconds=0.1, is_well=True)
    for _ in range(3):
        lanes.leave(A, seconds=15.0, is_well=False)
    assert lanes.in_flight == 0
    assert begun(lanes, A) == 1


def test_what_finds_no_room_is_told_one_moment_after_the_other() -> None:
    lanes = EndpointLimits()
    enter(lanes, A)
    moments = [lanes.room_at(A, NOON) for _ in range(100)]
    assert moments == sorted(set(moments))
    assert moments[0] > NOON
    assert moments[-1] < NOON + timedelta(seconds=10)


def test_one_tenants_endpoints_in_trouble_leave_room_for_those_of_others() -> None:
    lanes = EndpointLimits()
    theirs = [EndpointId(f"t{number}") for number in range(100)]
    for each in theirs:
        assert enter(lanes, each, EVIL)
        lanes.leave(each, seconds=15.0, is_well=False)
    assert sum(enter(lanes, each, EVIL) for each in theirs) == 32
    enter(lanes, A)
    lanes.leave(A, seconds=2.0, is_well=True)
    assert enter(lanes, A)


def test_one_tenants_new_endpoints_leave_room_for_those_of_others() -> None:
    lanes = EndpointLimits()
    theirs = [EndpointId(f"t{number}") for number in range(400)]
    entered = [each for each in theirs if enter(lanes, each, EVIL)]
    assert len(entered) == 128
    assert begun(lanes, A) == 4
    for each in entered:
        lanes.leave(each, seconds=0.1, is_well=True)
    assert lanes.in_flight == 4
    assert sum(enter(lanes, each, EVIL) for each in theirs) == 126
