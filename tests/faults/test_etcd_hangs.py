"""An etcd that is stopped for 20 s without closing anything: what a person sees of it."""

from __future__ import annotations

import re
import time

from tests.cli.running import COMMAND, STATE
from tests.etcd.places import QUICK, stored
from tests.faults.seeing import leading_to, listed, lists, put
from tests.registered import instance
from tests.servers import EtcdServer
from tests.terminal import Terminal

NOTICED = 10.0
"""Seconds within which it must be noticed that nobody answers."""


async def test_one_that_is_stopped_for_20_s_is_noticed_within_10_and_read_again() -> None:
    with EtcdServer(*QUICK) as etcd:
        put(etcd, instance(0xAA1))
        env = leading_to(etcd, XDG_STATE_HOME=STATE.name)
        with Terminal(COMMAND, env=env) as terminal:
            terminal.wait_for("● connected")
            stopped = time.monotonic()
            etcd.pause()
            terminal.wait_for("disconnected since")
            assert time.monotonic() - stopped < NOTICED
            terminal.wait_for("did not answer in time")
            ended = await lists(env)
            assert ended.code == 3
            assert "did not answer in time" in ended.one_sentence()
            # The last data stays, and its age is told.
            text = terminal.wait_for(lambda text: re.search(r"data [2-5]\ds old", text))
            assert " aa1 " in text
            etcd.resume()
            put(etcd, instance(0xAA2))
            text = terminal.wait_for("2 instances")
            assert "● connected" in text
            assert (await listed(env)).keys() == stored(etcd).keys()
