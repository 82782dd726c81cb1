"""In a real terminal, at a real etcd: dialogs opened and closed while the store changes."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from itertools import count

from backends.etcd import rpc
from backends.etcd.client import Client
from backends.etcd.config import EtcdConfig
from tests.support.etcd_server import EtcdServer
from tests.support.registered import instance
from tests.support.running import COMMAND, STATE
from tests.support.seeing import leading_to, put
from tests.support.terminal import Terminal

FIRST = 256
CHANGES = 0.01
"""Seconds from one to the next."""
TIMES = 25
HELP = "dyntop: keys and"
OPEN = 0.06
"""Seconds that a dialog stands, and that it is away."""


async def changes(endpoint: str) -> None:
    """A worker registers, again and again."""
    client = Client(EtcdConfig(endpoints=[endpoint]))
    try:
        for number in count(FIRST):
            key, value = instance(number)
            await client.call(rpc.PUT, rpc.PutRequest(key=key, value=value))
            await asyncio.sleep(CHANGES)
    finally:
        await client.aclose()


def opens_and_closes(terminal: Terminal) -> None:
    for _ in range(TIMES):
        for key in ("?", "escape"):
            terminal.press(key)
            time.sleep(OPEN)


def closes(terminal: Terminal, then: str) -> None:
    """Wait for a text where nothing is open. On a busy machine keys that were pressed apart come in
    one read, where an escape makes the next one a key with Alt: then a dialog may stay."""

    def is_closed(text: str) -> bool:
        if HELP in text:
            terminal.press("escape")
        return HELP not in text and then in text

    terminal.wait_for(is_closed)


async def test_the_view_equals_etcd_though_dialogs_close_while_it_changes_and_a_loss_is_said() -> (
    None
):
    with EtcdServer() as etcd:
        put(etcd, instance(1))
        env = leading_to(etcd, XDG_STATE_HOME=STATE.name)
        with Terminal([*COMMAND, "--probe", "never"], env=env, rows=30) as terminal:
            terminal.wait_for("1 instance ")
            changing = asyncio.create_task(changes(etcd.endpoint))
            try:
                await asyncio.to_thread(opens_and_closes, terminal)
            finally:
                changing.cancel()
                with suppress(asyncio.CancelledError):
                    await changing
            closes(terminal, f"{len(etcd.entries())} instances")
            terminal.wait_for(lambda text: "● connected" in text.split("\n")[0])
            etcd.kill()
            terminal.wait_for("✗ disconnected since")
            etcd.start()
            terminal.wait_for("● connected")
            put(etcd, instance(2))
            terminal.wait_for(f"{len(etcd.entries())} instances")
