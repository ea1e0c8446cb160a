from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalends.net.addresses import refusal


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::8.8.8.8",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
        "2a00:1450:4001::5efe:a00:1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "localhost",
        "2130706433",
        "",
    ],
)
def test_refusal_F71_refuses_every_special_address(address):
    assert refusal(address) != ""


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "142.250.0.1", "172.15.0.1", "172.32.0.1", "2a00:1450:4001:827::200a", "64:ff9b::8.8.8.8", "1.1.1.1"],
)
def test_refusal_lets_public_addresses_pass(address):
    assert refusal(address) == ""


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_refusal_judges_an_embedded_ipv4_as_the_address_itself(address):
    assert refusal(f"::ffff:{address}") == refusal(str(address))
    assert refusal(f"64:ff9b::{address}") == refusal(str(address))


@settings(deadline=None)
@given(st.ip_addresses())
def test_refusal_is_never_laxer_than_the_standard_library(address):
    inner = getattr(address, "ipv4_mapped", None) or address
    nat64 = isinstance(inner, ipaddress.IPv6Address) and inner in ipaddress.IPv6Network("64:ff9b::/96")
    if not nat64 and (not inner.is_global or inner.is_multicast):
        assert refusal(str(address)) != ""
