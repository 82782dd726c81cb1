"""The network that a test has to itself."""

from __future__ import annotations

import os
import socket
import subprocess

import pytest

from tests.support.namespace import OWN, NotAllowed, own_network


def test_everything_started_in_there_is_alone_on_a_loopback_and_nothing_stays() -> None:
    before = OWN.readlink()
    try:
        with own_network():
            assert OWN.readlink() != before
            child = subprocess.run(
                ["readlink", f"/proc/self/ns/{OWN.name}"], capture_output=True, check=True
            )
            assert child.stdout.decode().strip() == os.fspath(OWN.readlink())
            assert [name for _, name in socket.if_nameindex()] == ["lo"]
            with socket.create_server(("", 0)) as server:
                socket.create_connection(("127.0.0.1", server.getsockname()[1]), 10).close()
                with pytest.raises(OSError, match="unreachable"):
                    socket.create_connection(("192.0.2.1", 9), 10)
    except NotAllowed as reason:
        pytest.skip(str(reason))
    assert OWN.readlink() == before
