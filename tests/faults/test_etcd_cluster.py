"""A cluster of three that loses its leader, then a follower: what a person sees of it, who named
all of its members, and who named one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pytest

from backends.dynamo.keys import unspell
from tests.support.etcd_places import Member, cluster_of, stored
from tests.support.programs import ServerError
from tests.support.registered import KeyAndValue, instance
from tests.support.running import COMMAND, STATE
from tests.support.seeing import leading_to, lists
from tests.support.terminal import Terminal
from tests.support.waiting import wait_for


@pytest.fixture
def cluster() -> Iterator[list[Member]]:
    with cluster_of(3) as members:
        yield members


def leader_of(members: Sequence[Member]) -> Member:
    """The one of these that they all take for it."""

    def agreed() -> Member | None:
        leads = []
        for member in members:
            try:
                (answer,) = json.loads(member.etcdctl("endpoint", "status", "--write-out", "json"))
            except ServerError:
                return None
            status = answer["Status"]
            # While there is none, etcdctl leaves it out.
            leads.append(status.get("leader") == status["header"]["member_id"])
        return members[leads.index(True)] if leads.count(True) == 1 else None

    found = wait_for(agreed, "a leader")
    assert found is not None
    return found


def dashboard_at(*members: Member) -> Terminal:
    return Terminal(COMMAND, env=leading_to(*members, XDG_STATE_HOME=STATE.name))


async def shows(terminal: Terminal, *members: Member) -> None:
    """All that etcdctl reads, and nothing else."""
    world = stored(members[-1])
    shown = [key.rpartition(b"/")[2].decode() for key in world]
    terminal.wait_for(
        lambda text: (
            "● connected" in text
            and f" Instances {len(world)} " in text
            and all(f" {one} " in text for one in shown)
        )
    )
    # While they elect another leader, as they do where the machine gives them no time, none of them
    # answers.
    for _ in range(5):
        ended = await lists(leading_to(*members))
        if ended.code == 0:
            break
    assert ended.code == 0, ended.err
    assert {unspell(one["key"]) for one in ended.records} == world.keys()


def put(member: Member, registered: KeyAndValue) -> None:
    """Put a record, once more where the members are electing a leader."""
    key, value = registered

    def is_put() -> bool:
        try:
            return bool(member.etcdctl("put", key.decode(), input=value))
        except ServerError:
            return False

    wait_for(is_put, "a put")


async def test_a_cluster_that_loses_its_leader_and_then_a_follower(cluster: list[Member]) -> None:
    leader = leader_of(cluster)
    follower, other = (member for member in cluster if member is not leader)
    put(leader, instance(0xAA1))
    # The leader is the first that is asked.
    members = (leader, follower, other)
    with dashboard_at(*members) as of_all, dashboard_at(other) as of_one:
        await shows(of_all, *members)
        await shows(of_one, other)
        leader.kill()
        leader_of((follower, other))
        put(other, instance(0xAA2))
        await shows(of_all, *members)
        await shows(of_one, other)

        # One of three alone has no quorum, and says so.
        follower.kill()
        for terminal in (of_all, of_one):
            terminal.wait_for("disconnected since")
            terminal.wait_for("has no leader or no quorum")
        follower.start()
        put(follower, instance(0xAA3))
        await shows(of_all, *members)
        await shows(of_one, other)
