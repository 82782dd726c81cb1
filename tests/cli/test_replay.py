"""`dyntop replay`: what cannot be opened gets a sentence, and the rest opens at a terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.recording.frames import beginning, header, packed, written
from tests.recording.histories import a_history
from tests.support.running import COMMAND, dyntop
from tests.support.terminal import Terminal


def refusal(*arguments: str) -> str:
    """Return what is printed, in one line, in place of a dashboard."""
    with Terminal([*COMMAND, "replay", *arguments], columns=200) as terminal:
        assert terminal.wait_for_end() == 2
        text = terminal.text()
    assert "\x1b" not in text
    return re.sub(r"\s+", " ", text).strip()


def test_what_is_no_recording_gets_one_sentence(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"\x1b]0;hostile\x07 no recording")
    newer = [replace(header(), format=999), *beginning()[1:]]
    cases = {
        str(tmp_path / "\x1bmissing"): "cannot be read",
        str(other): "cannot be read",
        written(tmp_path / "newer", [packed(newer)]): "update dyntop",
    }
    for path, said in cases.items():
        text = refusal(path)
        assert text.startswith("dyntop: ")
        assert said in text


@pytest.mark.parametrize(
    ("option", "said"),
    [(("--at", "soon"), "is no time"), (("--speed", "0"), "not more than 0")],
)
def test_a_wrong_option_gets_one_sentence(option: tuple[str, str], said: str) -> None:
    done = dyntop("replay", "night.dyntop", *option)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1


def test_a_time_of_what_has_none_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "report", [packed(beginning(at=None))])
    assert "has no times: step by change" in refusal(path, "--at", "14:02")


def test_it_opens_at_a_terminal_whatever_store_the_environment_names(tmp_path: Path) -> None:
    path = a_history(tmp_path / "night.dyntop")
    env = {"ETCD_ENDPOINTS": "http://127.0.0.1:1", "DYN_NAMESPACE": "other"}
    words = [*COMMAND, "replay", path, "--at", "end"]
    with Terminal(words, columns=120, rows=40, env=env) as terminal:
        terminal.wait_for(" RECORDING ")
        terminal.wait_for("change 7 of 7")
        terminal.press("p")
        terminal.wait_for("playing")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
