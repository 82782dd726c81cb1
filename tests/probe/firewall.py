"""Workers behind firewalls of every sort, in network namespaces of their own.

    unshare --net python -m tests.probe.firewall

Makes a second namespace, the workers' host, and sets up between the two what networks do to
packets. Prints a JSON object: under `found` what a probe of each address found, under `commands`
what dyntop's commands made of workers registered there, some of whose leases are renewed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from backends.probe import tcp, zmtp
from backends.probe.addresses import parse_address
from tests.support.etcd_server import EtcdServer
from tests.support.registered import instance
from tests.support.registering import grant, put
from tests.support.running import dyntop

HERE, THERE = "10.9.0.1", "10.9.0.2"

FILTERS = {
    7001: "reject with icmpx type port-unreachable",
    7002: "reject with icmpx type admin-prohibited",
    7003: "reject with icmpx type host-unreachable",
    7004: "reject with icmpx type no-route",
    7005: "reject with tcp reset",
    7006: "drop",
}
"""What the other host's firewall does to a port, as `nft` writes it."""
ROUTES = {"10.9.1.1": "prohibit", "10.9.1.2": "unreachable", "10.9.1.3": "blackhole"}
"""Addresses to which this host's own routes say no, and of which kind these are."""
SILENT_PORT = 7007
"""Where a process of the other host accepts connections and says nothing."""
CLOSED_PORT = 7008
"""Where nothing of the other host listens, and no firewall is in the way."""

ADDRESSES = {
    **{rule.split()[-1]: f"{THERE}:{port}" for port, rule in FILTERS.items()},
    **{kind: f"{address}:7000" for address, kind in ROUTES.items()},
    "silent": f"{THERE}:{SILENT_PORT}",
    "closed": f"{THERE}:{CLOSED_PORT}",
    "own interface": f"{HERE}:{CLOSED_PORT}",
    "own loopback": f"127.0.0.1:{CLOSED_PORT}",
}
"""Where workers say that they are, by what happens to those who connect."""

TTL = 12
"""Seconds of their leases."""

LISTEN = """
import socket, time
listening = socket.create_server(("", %d))
print("listens", flush=True)
time.sleep(600)
"""


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=30)


@contextlib.contextmanager
def other_host() -> Iterator[None]:
    """Another host, one cable away, with its firewall."""
    run("ip", "link", "set", "lo", "up")
    listen = [sys.executable, "-c", LISTEN % SILENT_PORT]
    with subprocess.Popen(["unshare", "--net", *listen], stdout=subprocess.PIPE) as host:
        try:
            assert host.stdout is not None
            assert host.stdout.readline() == b"listens\n"
            there = ["nsenter", "--target", str(host.pid), "--net"]
            run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", there[2])
            run("ip", "address", "add", f"{HERE}/24", "dev", "v0")
            run("ip", "link", "set", "v0", "up")
            run(*there, "ip", "address", "add", f"{THERE}/24", "dev", "v1")
            run(*there, "ip", "link", "set", "v1", "up")
            run(*there, "nft", "add table inet f")
            run(*there, "nft", "add chain inet f in { type filter hook input priority 0; }")
            for port, rule in FILTERS.items():
                run(*there, "nft", f"add rule inet f in tcp dport {port} {rule}")
            for address, kind in ROUTES.items():
                run("ip", "route", "add", kind, address)
            yield
        finally:
            host.kill()


async def found() -> dict[str, list[object]]:
    """What two ways of probing find at each address: the answer of both, and the text of one."""
    results: dict[str, list[object]] = {}
    for kind, text in ADDRESSES.items():
        address = parse_address(text)
        assert address is not None
        connect = await tcp.ask(address, 1.0)
        greeting = await zmtp.ask(address, 1.0)
        results[kind] = [connect.answer, greeting.answer, greeting.text, greeting.local]
    return results


def commands() -> dict[str, object]:
    """What `check` and `unregister --stale` say of workers at these addresses, all of which live
    but one that is added for the second."""
    with EtcdServer() as etcd, tempfile.TemporaryDirectory() as state:
        workers = {grant(etcd, TTL): kind for kind in ADDRESSES}
        for worker, kind in workers.items():
            put(etcd, instance(worker, address=ADDRESSES[kind]), worker)
        env = {"ETCD_ENDPOINTS": etcd.endpoint, "XDG_STATE_HOME": state}
        with etcd.keeping_alive(*workers):
            checked = dyntop("check", "--probe=deep", "-o", "json", env=env)
            dead = put(
                etcd, instance(lease := grant(etcd, TTL), address=ADDRESSES["closed"]), lease
            )
            removed = dyntop("unregister", "--stale", "--yes", env=env)
        return {
            "check": [checked.code, checked.err],
            "verdicts": {
                workers[int(one["instance_id"], 16)]: [one["verdict"], one["evidence_data"][0]]
                for one in checked.records
            },
            "unregister": [removed.code, removed.err],
            "removed": [
                workers.get(int(line.rpartition("/")[2], 16), "dead" if dead in line else line)
                for line in removed.lines
            ],
        }


if __name__ == "__main__":
    with other_host():
        print(json.dumps({"found": asyncio.run(found()), "commands": commands()}))
