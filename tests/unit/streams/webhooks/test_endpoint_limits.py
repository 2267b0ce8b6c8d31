"""Room for each endpoint."""

from datetime import timedelta

from domain.values import TenantId
from domain.webhook.endpoint import EndpointId
from streams.webhooks.endpoint_limits import EndpointLimits
from tests.support.samples import NOON

A, B = EndpointId("a"), EndpointId("b")
EVIL = TenantId("evil")


def enter(
    limits: EndpointLimits, endpoint_id: EndpointId, tenant_id: TenantId | None = None
) -> bool:
    """Begin a delivery of a tenant who has nothing but this endpoint."""
    return limits.enter(endpoint_id, tenant_id or TenantId(f"owner of {endpoint_id}"))


def begun(limits: EndpointLimits, endpoint_id: EndpointId, times: int = 100) -> int:
    return sum(enter(limits, endpoint_id) for _ in range(times))


def test_an_endpoint_gets_a_few_at_once_and_takes_nothing_from_another() -> None:
    limits = EndpointLimits()
    assert begun(limits, A) == 4
    assert begun(limits, B) == 4
    assert limits.in_flight == 8


def test_one_in_trouble_gets_one_at_a_time_until_something_works() -> None:
    for seconds, is_well in ((0.1, False), (5.0, True)):
        limits = EndpointLimits()
        enter(limits, A)
        limits.leave(A, seconds=seconds, is_well=is_well)
        assert begun(limits, A) == 1
        limits.leave(A, seconds=0.1, is_well=True)
        assert begun(limits, A) == 4


def test_all_in_trouble_together_leave_room_for_the_others() -> None:
    limits = EndpointLimits()
    troubled = [EndpointId(f"t{number}") for number in range(500)]
    for each in troubled:
        enter(limits, each)
        limits.leave(each, seconds=15.0, is_well=False)
    assert sum(enter(limits, each) for each in troubled) == 64
    assert begun(limits, A) == 4
    for each in troubled[:64]:
        limits.leave(each, seconds=0.1, is_well=True)
    assert sum(enter(limits, each) for each in troubled[64:]) == 64


def test_one_that_gets_into_trouble_with_several_under_way_counts_them_all() -> None:
    limits = EndpointLimits()
    assert begun(limits, A) == 4
    limits.leave(A, seconds=15.0, is_well=False)
    assert not enter(limits, A)
    others = [EndpointId(f"t{number}") for number in range(100)]
    for each in others:
        enter(limits, each)
        limits.leave(each, seconds=15.0, is_well=False)
    entered = [each for each in others if enter(limits, each)]
    assert len(entered) == 61
    for each in entered:
        limits.leave(each, seconds=0.1, is_well=True)
    for _ in range(3):
        limits.leave(A, seconds=15.0, is_well=False)
    assert limits.in_flight == 0
    assert begun(limits, A) == 1


def test_what_finds_no_room_is_told_one_moment_after_the_other() -> None:
    limits = EndpointLimits()
    enter(limits, A)
    moments = [limits.room_at(A, NOON) for _ in range(100)]
    assert moments == sorted(set(moments))
    assert moments[0] > NOON
    assert moments[-1] < NOON + timedelta(seconds=10)


def test_one_tenants_endpoints_in_trouble_leave_room_for_those_of_others() -> None:
    limits = EndpointLimits()
    theirs = [EndpointId(f"t{number}") for number in range(100)]
    for each in theirs:
        assert enter(limits, each, EVIL)
        limits.leave(each, seconds=15.0, is_well=False)
    assert sum(enter(limits, each, EVIL) for each in theirs) == 32
    enter(limits, A)
    limits.leave(A, seconds=2.0, is_well=True)
    assert enter(limits, A)


def test_one_tenants_new_endpoints_leave_room_for_those_of_others() -> None:
    limits = EndpointLimits()
    theirs = [EndpointId(f"t{number}") for number in range(400)]
    entered = [each for each in theirs if enter(limits, each, EVIL)]
    assert len(entered) == 128
    assert begun(limits, A) == 4
    for each in entered:
        limits.leave(each, seconds=0.1, is_well=True)
    assert limits.in_flight == 4
    assert sum(enter(limits, each, EVIL) for each in theirs) == 126
