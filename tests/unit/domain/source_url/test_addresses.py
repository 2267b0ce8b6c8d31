from ipaddress import ip_address

import pytest

from domain.source_url.addresses import is_public, why_not_public


@pytest.mark.parametrize(
    ("last_before", "first_inside", "last_inside", "first_after"),
    [
        ("9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"),
        ("100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"),
        ("168.63.129.15", "168.63.129.16", "168.63.129.16", "168.63.129.17"),
        ("172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"),
        ("192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"),
        ("198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"),
        ("2620:4f:7fff::", "2620:4f:8000::", "2620:4f:8000:ffff::", "2620:4f:8001::"),
    ],
)
def test_a_network_ends_where_it_ends(
    last_before: str, first_inside: str, last_inside: str, first_after: str
) -> None:
    assert is_public(ip_address(last_before))
    assert not is_public(ip_address(first_inside))
    assert not is_public(ip_address(last_inside))
    assert is_public(ip_address(first_after))


def test_what_begins_after_the_protocol_assignments_is_public() -> None:
    assert not is_public(ip_address("2001:1ff::1"))
    assert is_public(ip_address("2001:200::1"))


def test_a_public_address_bound_to_an_interface_is_not_public() -> None:
    assert why_not_public(ip_address("2606:4700::1%eth0")) == "bound to an interface"


def test_the_reason_is_named() -> None:
    assert why_not_public(ip_address("127.0.0.1")) == "loopback"
    assert why_not_public(ip_address("::ffff:127.0.0.1")) == "IPv4-mapped"
    assert why_not_public(ip_address("::1")) == "loopback"
