"""What happened to real workers is found in a recording and in etcd's revisions, each alone."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from backends.recording.recording_timeline import RecordingTimeline
from tests.recording.test_read_back import at_end, listed
from tests.support.dynamo import DynamoWorker, registered_keys
from tests.support.etcd_server import EtcdServer
from tests.support.running import DEADLINE, Watching, dyntop
from tests.support.waiting import wait_for

ADAPTER = "acme/SQL_v2"
LEASE_TTL = 10
"""Seconds. On a busy machine a much shorter one ends for want of time."""


class Night:
    """What was done, between which times, and what `list -o json` said after each act."""

    def __init__(self, etcd: EtcdServer, folder: Path) -> None:
        self.etcd = etcd
        self.file = folder / "night.dyntop"
        self.env = {"ETCD_ENDPOINTS": etcd.endpoint, "XDG_STATE_HOME": str(folder / "state")}
        self.times: dict[str, tuple[float, float]] = {}
        self.said: list[tuple[float, list[str]]] = []
        self.recording = Watching(str(self.file), env=self.env, command="record")

    def look(self) -> None:
        """Save what is registered, once the recording has it, too."""
        said = [json.dumps(one) for one in self._list()]
        wait_for(self._is_recorded, "the recording")
        assert [json.dumps(one) for one in self._list()] == said
        self.said.append((time.time(), said))

    def do(self, name: str, act: Callable[[], object], done: Callable[[], object]) -> None:
        began = time.time()
        act()
        wait_for(done, name)
        self.look()
        self.times[name] = began, time.time()

    def during(self, name: str) -> list[Any]:
        """Return the events that are dated within an act."""
        began, ended = self.times[name]
        return [
            one
            for one in self._events()
            if began <= datetime.fromisoformat(one["time"]).timestamp() <= ended
        ]

    def steps(self) -> list[Any]:
        """Return every change that etcd still knows of."""
        ended = dyntop("diff", "--from", "oldest", "--events", "-o", "json", env=self.env)
        return list(json.loads(ended.out))

    def last(self, member: str) -> str:
        """Return a member of the last event. Empty: nothing was written yet."""
        return str(self._events()[-1][member]) if self._events() else ""

    def _is_recorded(self) -> bool:
        """Whether the last change is, with its reason, which may be learnt only after it."""
        is_there = self.last("revision") == self._revision()
        return is_there and (self.last("event") == "added" or self.last("why") != "None")

    def _events(self) -> list[Any]:
        ended = dyntop("events", str(self.file), "-o", "json", env=self.env)
        return list(json.loads(ended.out)) if ended.out else []

    def _list(self) -> list[Any]:
        return list(json.loads(dyntop("list", "all", "-o", "json", env=self.env).out))

    def _revision(self) -> str:
        answer = self.etcd.etcdctl("get", "nothing", "-w", "json")
        return str(json.loads(answer)["header"]["revision"])


def in_short(events: list[Any]) -> set[tuple[str, str, str]]:
    return {
        (one["event"], "" if one["id"] is None else one["id"]["key"], one["why"] or "")
        for one in events
    }


def keys_of(worker: DynamoWorker) -> list[str]:
    return [worker.instance_key(), worker.instance_key("clear_kv_blocks")]


async def test_a_death_a_drain_an_adapter_and_a_restart_of_etcd_are_found_dated_and_explained(
    etcd: EtcdServer, tmp_path: Path
) -> None:
    night = Night(etcd, tmp_path)
    with (
        DynamoWorker(etcd, component="killed", lease_ttl=LEASE_TTL, publishers=False) as killed,
        DynamoWorker(etcd, component="drained", publishers=False) as drained,
        DynamoWorker(etcd, component="lora", publishers=False) as lora,
    ):
        of_killed = killed.registered()

        def is_loaded() -> bool:
            return card in registered_keys(etcd)

        card = f"v1/mdc/prod/lora/generate/{lora.instance_id}/acme_sql_v2"
        with night.recording as recording:
            recording.complaint()
            night.look()
            night.do("death", killed.kill, lambda: not of_killed & registered_keys(etcd))
            night.do(
                "drain",
                lambda: dyntop("drain", drained.instance_id, "--yes", env=night.env),
                lambda: not {*keys_of(drained)} & registered_keys(etcd),
            )
            night.do("load", lambda: lora.load_lora(ADAPTER), lambda: card in registered_keys(etcd))
            night.do(
                "unload",
                lambda: lora.unload_lora(ADAPTER),
                lambda: card not in registered_keys(etcd),
            )
            night.do("restart", etcd.restart, lambda: night.last("event") == "resynced")
            recording.process.send_signal(signal.SIGTERM)
            assert recording.process.wait(DEADLINE) == 0
        steps = night.steps()

    # From the recording alone.
    died = in_short(night.during("death"))
    assert {(event, key) for event, key, _ in died} == {("removed", key) for key in of_killed}
    assert all(why.startswith("lease ran out: not renewed for ") for _, _, why in died)
    out = in_short(night.during("drain"))
    assert {(event, key) for event, key, _ in out} == {("removed", key) for key in keys_of(drained)}
    assert all(why.startswith("drained by ") for _, _, why in out)
    assert in_short(night.during("load")) == {("added", card, "")}
    (unloaded,) = night.during("unload")
    assert unloaded["id"]["key"] == card
    assert unloaded["reason"]["kind"] == "LoRA unloaded"
    *lost, back = (one["event"] for one in night.during("restart"))
    # How it is lost may be told anew before it is back.
    assert ({*lost}, back) == ({"lost"}, "resynced")

    # At each moment it is as `list -o json` said then.
    timeline = await RecordingTimeline.load(os.fspath(night.file))
    assert timeline.damage == ""
    assert len(night.said) == 6
    for at, said in night.said:
        opening = await timeline.open(await timeline.at_time(at))
        assert [json.dumps(json.loads(one)) for one in listed(at_end(opening))] == said

    # From etcd's revisions alone, which have no times.
    went: dict[str, int] = {}
    for one in steps:
        if one["change"] == "removed":
            went[one["previous"]["key"]] = one["revision"]
    assert went.keys() == {*of_killed, *keys_of(drained), card}
    # One step: as a lease ends.
    assert len({went[key] for key in of_killed}) == 1
    came = [
        one["revision"]
        for one in steps
        if one["change"] == "added" and one["record"]["key"] == card
    ]
    assert went[keys_of(drained)[0]] < came[0] < went[card]
    assert {one["time"] for one in steps} == {None}
