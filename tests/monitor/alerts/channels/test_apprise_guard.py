"""Where the child may connect to. The hook itself is shown at work in test_apprise_channel."""

from __future__ import annotations

import socket

import pytest

from monitor.alerts.channels.apprise_guard import Guard, RefusedError

V4, V6, UNIX = socket.AF_INET, socket.AF_INET6, socket.AF_UNIX


@pytest.mark.parametrize(("family", "address"), [
    (V4, ("8.8.8.8", 443)),
    (V4, (b"8.8.8.8", 443)),
    (V6, ("2606:4700:4700::1111", 443, 0, 0)),
    (UNIX, "/run/user/1000/bus"),
    (UNIX, b"\0abstract"),
    (V4, None),  # a datagram on a socket that was connected before
])  # fmt: skip
def test_public_addresses_and_this_machines_own_sockets_are_open(
    family: int, address: object
) -> None:
    Guard(()).vet(family, address)


@pytest.mark.parametrize(("family", "address"), [
    (V4, ("127.0.0.1", 80)),
    (V4, ("10.0.0.8", 80)),
    (V4, ("169.254.169.254", 80)),
    (V6, ("::1", 80, 0, 0)),
    (V6, ("::ffff:192.168.0.1", 80, 0, 0)),
    (V6, ("fe80::1%eth0", 80, 0, 2)),
    (V4, ("", 80)),
    # The system would resolve it once more, after we looked.
    (V4, ("public.example", 514)),
    (-7, ("8.8.8.8", 443)),
])  # fmt: skip
def test_all_else_is_refused_as_a_failure_to_connect(family: int, address: object) -> None:
    guard = Guard(("127.0.0.1:81",))

    with pytest.raises(RefusedError):
        guard.vet(family, address)

    assert len(guard.refused) == 1
    assert issubclass(RefusedError, OSError)


def test_what_is_listed_is_open_by_address_and_by_name_and_on_its_port_only() -> None:
    guard = Guard(("Nas.Lan:5000 ", "127.0.0.1:8080", "[::1]:25"))
    guard.note_name("nas.lan", ["192.168.0.9"])

    for address in (("192.168.0.9", 5000), ("127.0.0.1", 8080), ("nas.lan", 5000)):
        guard.vet(V4, address)
    guard.vet(V6, ("::1", 25, 0, 0))

    for address in (("192.168.0.9", 5001), ("192.168.0.10", 5000), ("127.0.0.1", 8081)):
        with pytest.raises(RefusedError):
            guard.vet(V4, address)


def test_a_refusal_says_what_to_list() -> None:
    guard = Guard(())

    with pytest.raises(RefusedError, match=r"list '\[::1\]:25' under http\.allow_private_hosts"):
        guard.vet(V6, ("::1", 25, 0, 0))
