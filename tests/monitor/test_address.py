from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.address import host_port, public_only, refusal, resolve

PUBLIC = ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111"]
CLOSED = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "64:ff9b:1::a00:1",
]
WRAPPED = {
    "v4-mapped": "::ffff:127.0.0.1",
    "v4-mapped in hex": "::ffff:a9fe:a9fe",
    "NAT64": "64:ff9b::7f00:1",
    "6to4": "2002:7f00:0001::1",
    "6to4 of a private network": "2002:c0a8:0101::",
    "Teredo client": "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "ISATAP": "2606:4700::5efe:10.0.0.1",
    "ISATAP with the universal bit": "2606:4700::200:5efe:7f00:1",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_public_unicast_is_allowed(address: str) -> None:
    assert refusal(address) is None


@pytest.mark.parametrize("address", CLOSED)
def test_every_special_network_is_refused(address: str) -> None:
    assert refusal(address) is not None


@pytest.mark.parametrize("address", WRAPPED.values(), ids=WRAPPED.keys())
def test_a_private_address_inside_a_transition_address_is_refused(address: str) -> None:
    assert "not a public address" in (refusal(address) or "")


@pytest.mark.parametrize("address", ["64:ff9b::101:101", "::ffff:1.1.1.1", "2002:101:101::1"])
def test_a_public_address_inside_a_transition_address_is_allowed(address: str) -> None:
    assert refusal(address) is None


@pytest.mark.parametrize("address", ["localhost", "2130706433", "0x7f.1", "", "1.1.1.1.1"])
def test_what_is_no_literal_is_refused_rather_than_guessed(address: str) -> None:
    assert "not an IP address" in (refusal(address) or "")


@given(st.ip_addresses(v=4))
@settings(max_examples=200)
def test_wrapping_never_opens_what_is_closed(address: object) -> None:
    plain = refusal(str(address)) is None

    wrapped = refusal(f"::ffff:{address}") is None

    assert wrapped == plain


def test_mixed_answers_keep_only_the_public_ones_in_order() -> None:
    assert public_only(["10.0.0.1", "1.1.1.1", "::1", "8.8.8.8"]) == ["1.1.1.1", "8.8.8.8"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [("LOCALHOST.", "localhost:80"), ("::1", "[::1]:80"), ("[::1]", "[::1]:80")],
)
def test_host_port_is_spelled_one_way(host: str, expected: str) -> None:
    assert host_port(host, 80) == expected


@pytest.mark.parametrize("spelling", ["127.0.0.1", "2130706433", "0x7f.0x1", "0"])
async def test_other_spellings_of_loopback_resolve_to_refused_addresses(spelling: str) -> None:
    addresses = await resolve(spelling, 80)

    assert addresses
    assert public_only(addresses) == []
