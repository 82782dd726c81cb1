"""What else is left open in a terminal: monitors of the machine, as peers of a dashboard."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.support.terminal import Terminal

MONITORS = ("htop", "btop")


@contextmanager
def monitors() -> Iterator[dict[str, Terminal]]:
    """Those that this machine has, by name, each in a terminal."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(Terminal([program]))
            for name in MONITORS
            if (program := shutil.which(name))
        }
