"""What firewalls, routes and closed ports make of probes, in network namespaces of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import Any

import pytest

Verdicts = dict[str, tuple[str, dict[str, Any]]]
"""By kind the verdict, and the evidence that decided it as JSON has it."""
DEADLINE = 180.0
"""Seconds for all of it."""

BLOCKED = [
    "admin-prohibited",
    "host-unreachable",
    "no-route",
    "drop",
    "prohibit",
    "unreachable",
    "blackhole",
]
"""What says nothing of the other host's process."""
REFUSED = ["port-unreachable", "reset", "closed"]
"""What looks as if nothing listened there, and may be a firewall's doing."""
OWN = ["own interface", "own loopback"]


def why_not() -> str | None:
    """Why no such namespace can be made here. None: it can."""
    if missing := [name for name in ("unshare", "nsenter", "ip", "nft") if not shutil.which(name)]:
        return f"no {', '.join(missing)} here"
    tried = subprocess.run(
        ["unshare", "--net", "sh", "-c", "nft add table inet f && ip link add type veth"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return None if tried.returncode == 0 else f"not allowed here: {tried.stderr.strip()}"


@pytest.fixture(scope="module")
def seen() -> Any:
    """What the program `tests.probe.firewall` printed."""
    if (reason := why_not()) is not None:
        pytest.skip(f"firewalls need network namespaces: {reason}")
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-m", "tests.probe.firewall"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def verdicts(seen: Any) -> Verdicts:
    """What `check` said of the workers at each address, all of which renew their leases."""
    return {kind: tuple(said) for kind, said in seen["commands"]["verdicts"].items()}


@pytest.mark.parametrize("kind", BLOCKED)
def test_what_the_network_says_or_swallows_is_no_answer_of_the_process(
    seen: Any, kind: str
) -> None:
    connect, greeting, _, local = seen["found"][kind]
    assert (connect, greeting, local) == ("unreached", "unreached", False)


@pytest.mark.parametrize("kind", REFUSED)
def test_a_firewall_may_refuse_as_a_host_without_a_listener_does(seen: Any, kind: str) -> None:
    assert seen["found"][kind] == ["refused", "refused", "refuses connections", False]


@pytest.mark.parametrize("kind", OWN)
def test_this_hosts_own_addresses_are_known_as_such(seen: Any, kind: str) -> None:
    assert seen["found"][kind] == ["refused", "refused", "refuses connections", True]


def test_who_accepts_and_is_silent_was_reached(seen: Any) -> None:
    connect, greeting, text, _ = seen["found"]["silent"]
    assert (connect, greeting) == ("accepts", "silent")
    assert text == "accepts connections but sends no ZMTP greeting within 1 s"


@pytest.mark.parametrize("kind", [*BLOCKED, *REFUSED])
def test_a_worker_that_renews_its_lease_behind_a_firewall_is_unreachable_from_here(
    verdicts: Verdicts, kind: str
) -> None:
    verdict, evidence = verdicts[kind]
    assert verdict == "unreachable from here"
    assert evidence["evidence_kind"] == "probed from here"
    assert evidence["host"]
    assert evidence["lease_renewed_ago"] is not None


@pytest.mark.parametrize("kind", OWN)
def test_what_this_host_itself_refuses_is_unreachable(verdicts: Verdicts, kind: str) -> None:
    assert verdicts[kind][0] == "unreachable"


def test_a_process_that_hangs_is_a_finding_though_its_lease_is_renewed(
    seen: Any, verdicts: Verdicts
) -> None:
    verdict, evidence = verdicts["silent"]
    assert verdict == "unreachable"
    assert (evidence["evidence_kind"], evidence["answer"]) == ("probed", "silent")
    assert "silent" not in seen["commands"]["removed"]


def test_only_what_is_dead_is_removed_without_its_id_being_typed(seen: Any) -> None:
    code, said = seen["commands"]["unregister"]
    assert code == 0
    assert "cannot be reached from this host: waiting up to" in said
    assert sorted(seen["commands"]["removed"]) == ["dead", *OWN]
