"""However the dashboard ends, it gives the terminal back as it was."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest

from tests.cli.running import COMMAND
from tests.terminal import ALTERNATE_SCREEN, CURSOR, Terminal


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with Terminal([*COMMAND, "--demo"]) as terminal:
        terminal.wait_for("● connected")
        assert terminal.mode(ALTERNATE_SCREEN) is True
        assert terminal.mode(CURSOR) is False
        yield terminal


@pytest.mark.parametrize(
    ("end", "code"),
    [
        pytest.param(lambda terminal: terminal.press("q"), 0, id="q"),
        pytest.param(lambda terminal: terminal.press("ctrl+c"), 0, id="Ctrl-C"),
        pytest.param(lambda terminal: terminal.signal(signal.SIGINT), 130, id="SIGINT"),
        pytest.param(lambda terminal: terminal.signal(signal.SIGTERM), 143, id="SIGTERM"),
        pytest.param(lambda terminal: terminal.signal(signal.SIGHUP), 129, id="SIGHUP"),
    ],
)
def test_the_terminal_is_given_back(
    terminal: Terminal, end: Callable[[Terminal], None], code: int
) -> None:
    end(terminal)
    assert terminal.wait_for_end() == code
    assert terminal.mode(ALTERNATE_SCREEN) is False
    assert terminal.mode(CURSOR) is True
    assert "Traceback" not in terminal.text()


def test_it_ends_with_its_window(terminal: Terminal) -> None:
    terminal.hang_up()
    assert terminal.wait_for_end() == -signal.SIGHUP
