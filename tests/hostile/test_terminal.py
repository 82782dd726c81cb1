"""The dashboard in a real terminal, over real stores full of harm: what the terminal gets."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.hostile.corpus import everything
from tests.hostile.places import fill_folder, put_into_etcd, short_records
from tests.hostile.plainness import assert_plain
from tests.support.etcd_server import EtcdServer
from tests.support.running import COMMAND, environment
from tests.support.terminal import Terminal

OURS = {b"m", b"H", b"C", b"J", b"n", b"?h", b"?l", b"?$p", b">u", b"<u"}
"""Colours, where to draw, clearing, the request for its status, modes, what the terminal knows, the
kitty keyboard: all that Textual 8.2 and its driver send, each by what is around its numbers."""

_CONTROL = re.compile(rb"\x1b\[([<=>?]?)[0-9;:]*([ -/]*[@-~])")
_POINTER = re.compile(rb"\x1b\]22;[a-z]*(?:\x07|\x1b\\)")
_COPIED = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")


class Recorded(Terminal):
    """Keeps all that the program sends."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.sent = b""
        super().__init__(COMMAND, columns=120, rows=50, env=env)

    def copied(self) -> list[str]:
        """What the program asked the terminal to put into the clipboard."""
        return [base64.b64decode(text).decode() for text in _COPIED.findall(self.sent)]

    def _displayed(self) -> list[str]:
        try:
            return super()._displayed()
        except IndexError:
            # pyte 0.8.2 does not know what to show of half a wide character that is drawn over.
            cells, columns = self._screen.buffer, range(self._screen.columns)
            rows = range(self._screen.lines)
            return ["".join(cells[row][column].data for column in columns) for row in rows]

    def _split(self, chunk: bytes) -> list[bytes]:
        self.sent += chunk
        return super()._split(chunk)


def assert_only_ours(sent: bytes) -> None:
    """Plain text, and between it only what is sent by itself."""
    assert {match[1] + match[2] for match in _CONTROL.finditer(sent)} <= OURS
    rest = _COPIED.sub(b"", _POINTER.sub(b"", _CONTROL.sub(b"", sent)))
    assert_plain(rest.replace(b"\r\n", b"\n").replace(b"\r", b"").decode())


@pytest.fixture(params=["etcd", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The environment that leads to a store with the corpus in it."""
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    if request.param == "file":
        fill_folder(tmp_path / "kv", everything().values())
        return state | {"DYN_DISCOVERY_BACKEND": "file", "DYN_FILE_KV": str(tmp_path / "kv")}
    etcd: EtcdServer = request.getfixturevalue("etcd")
    put_into_etcd(etcd, short_records())
    return state | {"ETCD_ENDPOINTS": etcd.endpoint}


def test_the_terminal_gets_nothing_but_text_and_what_textual_sends(store: dict[str, str]) -> None:
    with Recorded(environment(store)) as terminal:
        terminal.wait_for("connected")
        for number, title in enumerate(("STATE", "MODEL", "COMPONENT", "TOPIC"), start=1):
            terminal.press(str(number), "pagedown", "pagedown")
            terminal.wait_for(title)
        terminal.press("1", "G", "enter")
        terminal.wait_for("Close")
        terminal.press("escape")
        terminal.wait_for(lambda text: "Close" not in text)
        assert terminal.copied() == []
        terminal.press("y")
        terminal.wait_for("Copied the key")
        terminal.press("d")
        # Of a file that nobody touches a yes is enough once it has expired.
        terminal.wait_for(lambda text: "No (Esc)" in text or "No (n)" in text)
        terminal.press("escape")
        terminal.wait_until_gone("No (")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        # Also what came last is taken in.
        terminal.text()
    (copied,) = terminal.copied()
    assert copied.startswith(("v1/", "instances/"))
    assert_plain(copied)
    assert copied.isprintable()
    assert_only_ours(terminal.sent)
