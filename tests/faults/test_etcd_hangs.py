"""An etcd that is stopped for 20 s without closing anything: what a person sees of it."""

from __future__ import annotations

import re

from backends.etcd import EtcdConfig
from backends.etcd.watch_stream import WatchLimits
from tests.support.etcd_places import QUICK, stored
from tests.support.etcd_server import EtcdServer
from tests.support.registered import instance
from tests.support.running import COMMAND, STATE
from tests.support.seeing import leading_to, listed, lists, put
from tests.support.terminal import Terminal

NOTICED = 10.0
"""Seconds within which it must be noticed that nobody answers."""


def test_whatever_is_under_way_one_that_hangs_is_noticed_within_10_seconds() -> None:
    # By the limits themselves, since how long it takes this machine to act on them is another
    # matter.
    limits = WatchLimits()
    heartbeat = limits.heartbeat_interval
    assert max(limits.silence, heartbeat + EtcdConfig().request_timeout) < NOTICED


async def test_one_that_is_stopped_for_20_s_is_noticed_and_read_again() -> None:
    with EtcdServer(*QUICK) as etcd:
        put(etcd, instance(0xAA1))
        env = leading_to(etcd, XDG_STATE_HOME=STATE.name)
        with Terminal(COMMAND, env=env) as terminal:
            terminal.wait_for("● connected")
            etcd.pause()
            terminal.wait_for("disconnected since")
            terminal.wait_for("did not answer in time")
            ended = await lists(env)
            assert ended.code == 3
            assert "did not answer in time" in ended.one_sentence()
            # The last data stays, and its age is told.
            text = terminal.wait_for(lambda text: re.search(r"data ([2-5]\ds|\dm) old", text))
            assert " aa1 " in text
            etcd.resume()
            put(etcd, instance(0xAA2))
            terminal.wait_for(lambda text: "2 instances" in text and "● connected" in text)
            assert (await listed(env)).keys() == stored(etcd).keys()
